// What stands before every page: headers, who it is, and that a change was really asked for from one of our own pages.
import { timingSafeEqual } from 'node:crypto';
import type { MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { clientAddress, toNetwork } from './client-address.ts';
import { readForm } from './forms.ts';
import { PageError } from './page-error.ts';
import type { AdminContext, AdminEnv, Parts } from './parts.ts';
import { findSession, findUnusedSession } from './sessions.ts';

const sessionCookie = 'posthorn_session';
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS']);
const openPaths = /^\/(login$|assets\/)/;

// Editors and charts set styles on elements; scripts come from our own files only.
export const contentSecurityPolicy =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; " +
  "font-src 'self'; frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export function securityHeaders(): MiddlewareHandler<AdminEnv> {
  return async (c, next) => {
    await next();
    const { headers } = c.res;
    // A page that shows somebody else's HTML in a frame has brought its own, stricter one.
    if (!headers.has('content-security-policy')) headers.set('content-security-policy', contentSecurityPolicy);
    headers.set('x-content-type-options', 'nosniff');
    headers.set('referrer-policy', 'same-origin');
    headers.set('cross-origin-opener-policy', 'same-origin');
    if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
  };
}

/** Everything but the log-in and the assets needs a session; without one a page leads to the log-in. */
export function requireSession(parts: Pick<Parts, 'db'>): MiddlewareHandler<AdminEnv> {
  return async (c, next) => {
    if (openPaths.test(c.req.path)) return next();
    const token = readSessionToken(c);
    // An EventSource comes again and again by itself, though nobody looks at its page.
    const find = c.req.header('accept') === 'text/event-stream' ? findUnusedSession : findSession;
    const session = token === undefined ? undefined : await find(parts.db, token);
    if (!session) {
      if (c.req.method !== 'GET') throw new PageError(401, 'Your session has ended. Log in again, then repeat this.');
      return c.redirect(`/login?to=${encodeURIComponent(c.req.path)}`, 303);
    }
    c.set('session', session);
    if (session.mustChangePassword && !/^\/(account|logout)/.test(c.req.path)) {
      return c.redirect('/account', 303);
    }
    return next();
  };
}

/**
 * A change needs the session's token (field `_csrf`, or header `x-csrf-token`), and an Origin of ours where the browser
 * sends one. Uploads and what scripts send carry the token in the header, so that their bodies are left to be read.
 */
export function requireOwnForm(parts: Pick<Parts, 'config'>): MiddlewareHandler<AdminEnv> {
  return async (c, next) => {
    if (safeMethods.has(c.req.method)) return next();
    const site = c.req.header('sec-fetch-site');
    const origin = c.req.header('origin');
    const isOurs = origin === undefined || origin === ownOrigin(c, parts.config.adminUrl);
    if (!isOurs || (site !== undefined && site !== 'same-origin' && site !== 'none')) {
      throw new PageError(403, 'This was sent from another site, so nothing was done.');
    }
    const session = c.get('session');
    if (session && !(await hasToken(c, session.csrfToken))) {
      throw new PageError(403, 'This form is out of date, so nothing was done. Load the page again and repeat it.');
    }
    return next();
  };
}

export function readSessionToken(c: AdminContext): string | undefined {
  return getCookie(c, sessionCookie);
}

export function writeSessionCookie(c: AdminContext, token: string, adminUrl: string | undefined): void {
  const secure = adminUrl?.startsWith('https:') ?? false;
  setCookie(c, sessionCookie, token, {
    path: '/',
    httpOnly: true,
    sameSite: 'Lax',
    secure,
    ...(token === '' ? { maxAge: 0 } : {}),
  });
}

/** Where the caller is, and what the throttle of log-ins counts as one caller. */
export function findCaller(c: AdminContext, { config }: Pick<Parts, 'config'>): { address: string; network: string } {
  const direct = c.env.incoming.socket.remoteAddress;
  const address = clientAddress(direct, c.req.header('x-forwarded-for'), config.trustedProxies);
  return { address, network: toNetwork(address) };
}

function ownOrigin(c: AdminContext, adminUrl: string | undefined): string {
  return adminUrl ? new URL(adminUrl).origin : new URL(c.req.url).origin;
}

async function hasToken(c: AdminContext, expected: string): Promise<boolean> {
  const sent = c.req.header('x-csrf-token') ?? (await readForm(c)).fields._csrf ?? '';
  const [a, b] = [Buffer.from(sent), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
