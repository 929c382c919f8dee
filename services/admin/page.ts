// One page as an answer: the view inside the layout, with who is logged in, what they may do, and the last change's word.
import { getCookie, setCookie } from 'hono/cookie';
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { AdminContext, Parts } from './parts.ts';
import type { Session } from './sessions.ts';

const flashCookie = 'posthorn_flash';

export interface PageData {
  /** The page's name; the layout adds ours. */
  title: string;
  [name: string]: unknown;
}

export async function page(
  c: AdminContext,
  parts: Pick<Parts, 'views'>,
  view: string,
  data: PageData,
  status: ContentfulStatusCode = 200,
): Promise<Response> {
  const session: Session | undefined = c.get('session');
  const flash = getCookie(c, flashCookie);
  if (flash !== undefined) setCookie(c, flashCookie, '', { path: '/', maxAge: 0 });
  const html = await parts.views.render(view, {
    ...data,
    path: c.req.path,
    flash,
    csrf: session?.csrfToken ?? '',
    me: session && { name: session.name, roles: session.roles },
    may: Object.fromEntries([...(session?.abilities ?? [])].map((ability) => [ability, true])),
  });
  return c.html(html, status);
}

/** A cookie of 4 kB is the most that browsers keep, and it comes back with the next call. */
const maxSentenceChars = 1_000;

/** After a change: to the page that shows it (303), with one sentence on what was done. */
export function done(c: AdminContext, path: string, sentence: string): Response {
  setCookie(c, flashCookie, sentence.slice(0, maxSentenceChars), {
    path: '/',
    maxAge: 60,
    httpOnly: true,
    sameSite: 'Lax',
  });
  return c.redirect(path, 303);
}
