// What a person sees who follows the link to unsubscribe: small pages without script, cookies or anything from elsewhere.
import { createHash } from 'node:crypto';

export type PageName =
  | 'ask'
  | 'unsubscribed'
  | 'resubscribed'
  | 'test'
  | 'unknown'
  | 'unclear'
  | 'busy'
  | 'down'
  | 'failed';

export interface Pages {
  toResponse(page: PageName, headers?: Record<string, string>): Response;
}

interface Page {
  status: number;
  title: string;
  /** Paragraphs; our own words, nothing of the caller. */
  text: readonly string[];
  /** The value that its button posts to the same address, and what stands on it. */
  button?: readonly [action: 'unsubscribe' | 'resubscribe', label: string];
}

const keepsComing = 'Messages that you need, such as receipts or a new password, still come.';
const tryAgain = 'Nothing was changed. Please try again in a minute.';

const pages: Record<PageName, Page> = {
  ask: {
    status: 200,
    title: 'Unsubscribe?',
    text: ['You will get no more promotional mail from us.', keepsComing],
    button: ['unsubscribe', 'Unsubscribe'],
  },
  unsubscribed: {
    status: 200,
    title: 'You are unsubscribed',
    text: ['You will get no more promotional mail.', keepsComing],
    button: ['resubscribe', 'Undo: send me promotional mail again'],
  },
  resubscribed: {
    status: 200,
    title: 'You are subscribed again',
    text: ['Promotional mail may come to you as before.'],
    button: ['unsubscribe', 'Unsubscribe'],
  },
  test: {
    status: 200,
    title: 'This was a test message',
    text: ['In a real message this link ends promotional mail for the person who got it. Here nothing changes.'],
  },
  unknown: {
    status: 404,
    title: 'This link does not work',
    text: [
      'It is not complete, perhaps because it was cut off when it was copied. Nothing was changed.',
      'Please open it from the mail once more, or write to the sender.',
    ],
  },
  unclear: {
    status: 400,
    title: 'Nothing was changed',
    text: ['We could not read what was to be done. The button below ends promotional mail.'],
    button: ['unsubscribe', 'Unsubscribe'],
  },
  busy: { status: 429, title: 'Too many tries at once', text: [tryAgain] },
  down: { status: 503, title: 'We cannot do that at the moment', text: [tryAgain] },
  failed: { status: 500, title: 'Something went wrong here', text: [tryAgain] },
};

const style = `
:root{color-scheme:light dark;--ground:#f3f1ec;--card:#fff;--ink:#221f1c;--soft:#5c564f;--line:#dcd7ce;--button:#1f4f8f;--on-button:#fff}
@media (prefers-color-scheme:dark){:root{--ground:#151416;--card:#211f23;--ink:#f1ede7;--soft:#b5aea5;--line:#3a373d;--button:#a9c8f5;--on-button:#10233d}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;min-height:100svh;display:grid;place-items:center;padding:24px 16px;background:var(--ground);color:var(--ink);font:17px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif}
main{width:100%;max-width:30rem;padding:32px;background:var(--card);border:1px solid var(--line);border-radius:14px}
h1{margin:0 0 12px;font-size:1.55rem;line-height:1.2}
p{margin:0 0 12px}
p+p{color:var(--soft)}
p:last-child{margin:0}
form{margin:24px 0 0}
button{width:100%;min-height:48px;padding:10px 18px;border:1px solid var(--button);border-radius:9px;background:var(--button);color:var(--on-button);font:inherit;font-weight:600;cursor:pointer}
button.plain{background:none;color:var(--button)}
button:hover{filter:brightness(1.12)}
button:focus-visible{outline:3px solid var(--button);outline-offset:3px}
@media (max-width:480px){main{padding:24px 20px}}
`;

export function createPages(): Pages {
  const bodies = new Map(Object.entries(pages).map(([name, page]) => [name, toHtml(page)]));
  const styleHash = createHash('sha256').update(style).digest('base64');
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy':
      `default-src 'none'; style-src 'sha256-${styleHash}'; form-action 'self'; base-uri 'none'; ` +
      "frame-ancestors 'none'",
    // The address itself is the permission: it must not get to others.
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-robots-tag': 'noindex, nofollow',
  };
  return {
    toResponse: (page, more = {}) =>
      new Response(bodies.get(page), { status: pages[page].status, headers: { ...headers, ...more } }),
  };
}

function toHtml({ title, text, button }: Page): string {
  // Without an action, a form posts to the address that the page has.
  const form = button
    ? `<form method="post"><button name="action" value="${button[0]}"${button[0] === 'resubscribe' ? ' class="plain"' : ''}>${button[1]}</button></form>\n`
    : '';
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex, nofollow">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<main>
<h1>${title}</h1>
${text.map((paragraph) => `<p>${paragraph}</p>`).join('\n')}
${form}</main>
</body>
</html>
`;
}
