// Rows of admin_users as the commands write them: `setup` makes the first one, `users` all others. Each change stands in
// the audit log beside those of the admin pages.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Db } from '../lib/db/database.ts';
import { forgetLogInTries } from '../lib/log-in-tries.ts';
import { hashPassword, newPassword } from '../lib/passwords.ts';
import type { Call } from './command.ts';

/** From the least to the most. */
export const adminRoles = ['viewer', 'support', 'editor', 'sender', 'operator', 'admin'] as const;
export type AdminRole = (typeof adminRoles)[number];

/** Who does it, in the audit log. */
const auditName = 'cli';

export interface NewAdminUser {
  name: string;
  roles: readonly AdminRole[];
  password: string;
  mustChangePassword: boolean;
}

/** @returns false, and nothing is changed, when somebody has that name already */
export async function addAdminUser(db: Db, user: NewAdminUser): Promise<boolean> {
  const passwordHash = await hashPassword(user.password);
  return db.transaction().execute(async (transaction) => {
    const added = await transaction
      .insertInto('admin_users')
      .values({
        admin_user_id: randomUUID(),
        name: user.name,
        roles: [...user.roles],
        password_hash: passwordHash,
        must_change_password: user.mustChangePassword,
      })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .returning('name')
      .executeTakeFirst();
    if (!added) return false;
    await writeAudit(transaction, 'user.created', user.name, { roles: user.roles });
    return true;
  });
}

/** Ends the person's sessions and forgets wrong passwords. @returns false when there is no such log-in */
export async function setPassword(db: Db, name: string, password: string, mustChange: boolean): Promise<boolean> {
  const passwordHash = await hashPassword(password);
  return db.transaction().execute(async (transaction) => {
    const changed = await transaction
      .updateTable('admin_users')
      .set({ password_hash: passwordHash, must_change_password: mustChange, failed_count: 0, locked_until: null })
      .where('name', '=', name)
      .returning('admin_user_id')
      .executeTakeFirst();
    if (!changed) return false;
    await transaction.deleteFrom('admin_sessions').where('admin_user_id', '=', changed.admin_user_id).execute();
    await forgetLogInTries(transaction, name);
    await writeAudit(transaction, 'user.password_set', name, {});
    return true;
  });
}

/** Disabling ends the person's sessions; enabling forgets wrong passwords. */
export async function setDisabled(
  db: Db,
  name: string,
  isDisabled: boolean,
): Promise<'changed' | 'as_before' | 'unknown'> {
  return db.transaction().execute(async (transaction) => {
    const row = await transaction
      .selectFrom('admin_users')
      .select(['admin_user_id', 'disabled_at'])
      .where('name', '=', name)
      .forUpdate()
      .executeTakeFirst();
    if (!row) return 'unknown';
    if ((row.disabled_at !== null) === isDisabled) return 'as_before';
    await transaction
      .updateTable('admin_users')
      .set(isDisabled ? { disabled_at: sql`now()` } : { disabled_at: null, failed_count: 0, locked_until: null })
      .where('admin_user_id', '=', row.admin_user_id)
      .execute();
    if (isDisabled) {
      await transaction.deleteFrom('admin_sessions').where('admin_user_id', '=', row.admin_user_id).execute();
    } else {
      await forgetLogInTries(transaction, name);
    }
    await writeAudit(transaction, isDisabled ? 'user.disabled' : 'user.enabled', name, {});
    return 'changed';
  });
}

/** @param detail no password and nothing made from one */
async function writeAudit(db: Db, action: string, name: string, detail: object): Promise<void> {
  await db
    .insertInto('audit')
    .values({ who: auditName, action, subject: `user ${name}`, detail: JSON.stringify(detail) })
    .execute();
}

/** The log-in without which nobody could make another one. Does nothing once there is anybody, disabled or not. */
export async function ensureFirstAdmin(db: Db, chosen: string | undefined, print: Call['print']): Promise<void> {
  const anybody = await db.selectFrom('admin_users').select('name').limit(1).executeTakeFirst();
  if (anybody) return;
  const password = chosen ?? newPassword();
  const isNew = await addAdminUser(db, { name: 'admin', roles: ['admin'], password, mustChangePassword: false });
  // Another setup, running at the same time, was faster.
  if (!isNew) return;
  print(
    chosen
      ? 'first admin log-in: admin, with the password in POSTHORN_ADMIN_PASSWORD'
      : `first admin log-in, shown once: admin / ${password}`,
  );
}
