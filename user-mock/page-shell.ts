// The frame around every page: head, navigation, and the rule that nothing but our own stylesheet and script may load.
import { readFileSync } from 'node:fs';
import { Hono } from 'hono';
import { html } from 'hono/html';

/** A piece of HTML whose values have been escaped. */
export type Html = ReturnType<typeof html>;

/** Values in `html` templates are escaped unless they are pieces of HTML themselves. */
export function renderShell(page: { title: string; path: string; head?: Html; body: Html }): Html {
  const link = (path: string, text: string) =>
    html`<a href="${path}" ${page.path === path ? html`aria-current="page"` : ''}>${text}</a>`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${page.title}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/style.css">
${page.head ?? ''}
</head>
<body>
<header><nav><strong>user-mock</strong>${link('/', 'About')}${link('/sms', 'SMS inbox')}</nav></header>
<main>${page.body}</main>
</body>
</html>`;
}

export function createAssetRoutes(): Hono {
  const style = readAsset('style.css');
  const script = readAsset('refresh.js');
  return new Hono()
    .use(async (c, next) => {
      await next();
      if (!c.res.headers.get('content-type')?.startsWith('text/html')) return;
      c.header(
        'Content-Security-Policy',
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'",
      );
    })
    .get('/assets/style.css', (c) => c.body(style, 200, { 'Content-Type': 'text/css; charset=utf-8' }))
    .get('/assets/refresh.js', (c) => c.body(script, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }));
}

function readAsset(name: string): string {
  return readFileSync(new URL(`./assets/${name}`, import.meta.url), 'utf8');
}
