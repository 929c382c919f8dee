// /login and /logout.
import { writeAudit } from '../audit.ts';
import { readForm } from '../forms.ts';
import { createLogIns } from '../log-in.ts';
import { toOwnPath } from '../own-path.ts';
import { page } from '../page.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { clientAddress, readSessionToken, writeSessionCookie } from '../security.ts';
import { closeSession, findSession, openSession } from '../sessions.ts';

export function login(app: AdminApp, parts: Parts): void {
  const { db, config } = parts;
  const logIns = createLogIns(db, parts.now);

  app.get('/login', async (c) => {
    const token = readSessionToken(c);
    if (token !== undefined && (await findSession(db, token))) return c.redirect('/', 303);
    return page(c, parts, 'login', { title: 'Log in', to: toOwnPath(c.req.query('to')) });
  });

  app.post('/login', async (c) => {
    const { fields } = await readForm(c);
    const name = fields.name ?? '';
    const to = toOwnPath(fields.to);
    const result = await logIns.tryLogIn(name, fields.password ?? '', clientAddress(c, config.trustedProxies));
    if (result.kind === 'ok') {
      writeSessionCookie(c, await openSession(db, result.adminUserId), config.adminUrl);
      await writeAudit(db, result.name, 'session.opened', `user ${result.name}`);
      return c.redirect(to, 303);
    }
    if (result.kind === 'busy') {
      c.header('retry-after', '2');
      const fault = 'Too many people are logging in at the moment. Wait some seconds, then try again.';
      return page(c, parts, 'login', { title: 'Log in', to, name, fault }, 503);
    }
    await writeAudit(db, name.slice(0, 64), 'session.refused', '', {
      address: clientAddress(c, config.trustedProxies),
    });
    const fault =
      result.kind === 'wait'
        ? `Too many wrong passwords. Wait ${result.seconds} seconds, then try again.`
        : 'The name or the password is wrong.';
    return page(c, parts, 'login', { title: 'Log in', to, name, fault }, result.kind === 'wait' ? 429 : 401);
  });

  app.post('/logout', async (c) => logOut(c, parts));
}

async function logOut(c: AdminContext, { db, config }: Parts): Promise<Response> {
  const token = readSessionToken(c);
  if (token !== undefined) await closeSession(db, token);
  writeSessionCookie(c, '', config.adminUrl);
  return c.redirect('/login', 303);
}
