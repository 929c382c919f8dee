// /login and /logout.
import { writeAudit } from '../audit.ts';
import { readForm } from '../forms.ts';
import { busySentence, type LogIn } from '../log-in.ts';
import { toOwnPath } from '../own-path.ts';
import { page } from '../page.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { findCaller, readSessionToken, writeSessionCookie } from '../security.ts';
import { closeSession, findSession, openSession } from '../sessions.ts';

export function login(app: AdminApp, parts: Parts): void {
  const { db, config } = parts;

  app.get('/login', async (c) => {
    const token = readSessionToken(c);
    if (token !== undefined && (await findSession(db, token))) return c.redirect('/', 303);
    return page(c, parts, 'login', { title: 'Log in', to: toOwnPath(c.req.query('to')) });
  });

  app.post('/login', async (c) => {
    const { fields } = await readForm(c);
    const name = fields.name ?? '';
    const to = toOwnPath(fields.to);
    const { address, network } = findCaller(c, parts);
    const result = await parts.logIns.tryLogIn(name, fields.password ?? '', network);
    if (result.kind === 'ok') {
      // Whoever was logged in with this browser is not any more.
      const before = readSessionToken(c);
      if (before !== undefined) await closeSession(db, before);
      writeSessionCookie(c, await openSession(db, result.adminUserId), config.adminUrl);
      await writeAudit(db, result.name, 'session.opened', `user ${result.name}`);
      return c.redirect(to, 303);
    }
    if (result.kind === 'wrong' && result.isNews) {
      await writeAudit(db, name.slice(0, 64), 'session.refused', '', { address });
    }
    const { status, fault } = toAnswer(c, result);
    return page(c, parts, 'login', { title: 'Log in', to, name, fault }, status);
  });

  app.post('/logout', async (c) => logOut(c, parts));
}

/** What whoever is not let in reads. Whether the name exists is not told. */
export function toAnswer(
  c: AdminContext,
  result: Exclude<LogIn, { kind: 'ok' }>,
): { status: 401 | 429 | 503; fault: string } {
  switch (result.kind) {
    case 'wrong':
      return { status: 401, fault: 'The name or the password is wrong.' };
    case 'busy':
      c.header('retry-after', '2');
      return { status: 503, fault: busySentence };
    case 'wait':
      c.header('retry-after', String(result.seconds));
      return { status: 429, fault: `Too many wrong passwords. Wait ${toWords(result.seconds)}, then try again.` };
  }
}

function toWords(seconds: number): string {
  return seconds <= 90 ? `${seconds} seconds` : `${Math.ceil(seconds / 60)} minutes`;
}

async function logOut(c: AdminContext, { db, config }: Parts): Promise<Response> {
  const token = readSessionToken(c);
  if (token !== undefined) await closeSession(db, token);
  writeSessionCookie(c, '', config.adminUrl);
  return c.redirect('/login', 303);
}
