// /account: one's own password and sessions.
import { sql } from 'kysely';
import { withDatabase } from '../../../lib/db/database.ts';
import { findPasswordFault } from '../../../lib/passwords.ts';
import { writeAudit } from '../audit.ts';
import { type FormFaults, readForm } from '../forms.ts';
import { done, page } from '../page.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { roleTitles } from '../roles.ts';
import { findCaller, readSessionToken } from '../security.ts';
import { closeSessionsOf } from '../sessions.ts';
import { toAnswer } from './login.ts';

export function account(app: AdminApp, parts: Parts): void {
  app.get('/account', (c) => show(c, parts));
  app.post('/account/password', (c) => changePassword(c, parts));
}

function show(
  c: AdminContext,
  parts: Parts,
  faults: FormFaults = {},
  status: 422 | 429 | 503 = 422,
): Promise<Response> {
  const { session } = c.var;
  const own = Object.entries(roleTitles).flatMap(([role, title]) =>
    session.roles.includes(role) ? [{ role, title }] : [],
  );
  const data = { title: 'Your account', own, faults, mustChange: session.mustChangePassword };
  return page(c, parts, 'account', data, Object.keys(faults).length > 0 ? status : 200);
}

async function changePassword(c: AdminContext, parts: Parts): Promise<Response> {
  const { db, logIns } = parts;
  const { adminUserId, name } = c.var.session;
  const { fields } = await readForm(c);
  const { address, network } = findCaller(c, parts);
  const faults: FormFaults = {};
  const wanted = fields.wanted ?? '';
  const fault = findPasswordFault(wanted);
  if (fault) faults.wanted = fault;
  else if (wanted === fields.current) faults.wanted = 'This is the one you have.';
  else if (wanted !== fields.again) faults.again = 'The two are not the same.';
  const check = await logIns.tryAgain(name, fields.current ?? '', network);
  if (check.kind === 'wrong') {
    if (check.isNews) await writeAudit(db, c, 'user.password_refused', `user ${name}`, { address });
    return show(c, parts, { ...faults, current: 'This is not your password.' });
  }
  if (check.kind !== 'ok') {
    const answer = toAnswer(c, check);
    return show(c, parts, { current: answer.fault }, answer.status === 401 ? 422 : answer.status);
  }
  if (Object.keys(faults).length > 0) return show(c, parts, faults);
  const hash = await logIns.hash(wanted);
  await withDatabase(() =>
    sql`update admin_users set password_hash = ${hash}, must_change_password = false
        where admin_user_id = ${adminUserId}`.execute(db),
  );
  await closeSessionsOf(db, adminUserId, readSessionToken(c));
  await writeAudit(db, c, 'user.password_changed', `user ${name}`);
  return done(c, '/account', 'Your password is changed. Other sessions of yours were ended.');
}
