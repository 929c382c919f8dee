// People with access, as the pages change them. Every change is one transaction with its line in the audit log; those that
// could take away the last admin first lock all admins, so that two people cannot each take away the other.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { forgetLogInTries } from '../../../lib/log-in-tries.ts';
import { writeAudit } from '../audit.ts';
import type { Role } from '../roles.ts';
import { closeSessionsOf } from '../sessions.ts';

export interface AccessRow {
  admin_user_id: string;
  name: string;
  roles: string[];
  must_change_password: boolean;
  created_at: Date;
  disabled_at: Date | null;
  seen_at: Date | null;
}

export async function listAccess(db: Db): Promise<AccessRow[]> {
  const { rows } = await withDatabase(() =>
    sql<AccessRow>`
      select u.admin_user_id, u.name, u.roles, u.must_change_password, u.created_at, u.disabled_at,
        s.seen_at
      from admin_users u
      left join (select admin_user_id, max(seen_at) as seen_at from admin_sessions group by 1) s using (admin_user_id)
      order by u.disabled_at is not null, u.name`.execute(db),
  );
  return rows;
}

export async function findAccess(db: Db, adminUserId: string): Promise<AccessRow | undefined> {
  return (await listAccess(db)).find((row) => row.admin_user_id === adminUserId);
}

/** @returns false when the name is taken */
export async function addAccess(
  db: Db,
  who: string,
  user: { name: string; roles: readonly Role[]; passwordHash: string },
): Promise<boolean> {
  return inTransaction(db, async (transaction) => {
    const added = await transaction
      .insertInto('admin_users')
      .values({
        admin_user_id: randomUUID(),
        name: user.name,
        roles: [...user.roles],
        password_hash: user.passwordHash,
        must_change_password: true,
      })
      .onConflict((conflict) => conflict.column('name').doNothing())
      .returning('name')
      .executeTakeFirst();
    if (added) await writeAudit(transaction, who, 'user.created', `user ${user.name}`, { roles: user.roles });
    return added !== undefined;
  });
}

/** `last_admin`: it would leave nobody who can give access. */
export type AccessChange = 'changed' | 'as_before' | 'last_admin' | 'unknown';

/** A changed role ends the person's sessions. */
export async function setRoles(
  db: Db,
  who: string,
  adminUserId: string,
  roles: readonly Role[],
): Promise<AccessChange> {
  return inTransaction(db, async (transaction) => {
    const admins = await lockAdmins(transaction);
    const row = await lockUser(transaction, adminUserId);
    if (!row) return 'unknown';
    if ([...row.roles].sort().join() === [...roles].sort().join()) return 'as_before';
    if (!roles.includes('admin') && isLast(admins, adminUserId)) return 'last_admin';
    await transaction
      .updateTable('admin_users')
      .set({ roles: [...roles] })
      .where('admin_user_id', '=', adminUserId)
      .execute();
    await closeSessionsOf(transaction, adminUserId);
    await writeAudit(transaction, who, 'user.roles_changed', `user ${row.name}`, { before: row.roles, roles });
    return 'changed';
  });
}

/** Disabling ends the person's sessions; enabling forgets wrong passwords. */
export async function setDisabled(
  db: Db,
  who: string,
  adminUserId: string,
  isDisabled: boolean,
): Promise<AccessChange> {
  return inTransaction(db, async (transaction) => {
    const admins = await lockAdmins(transaction);
    const row = await lockUser(transaction, adminUserId);
    if (!row) return 'unknown';
    if ((row.disabled_at !== null) === isDisabled) return 'as_before';
    if (isDisabled && isLast(admins, adminUserId)) return 'last_admin';
    await transaction
      .updateTable('admin_users')
      .set(isDisabled ? { disabled_at: sql`now()` } : { disabled_at: null, failed_count: 0, locked_until: null })
      .where('admin_user_id', '=', adminUserId)
      .execute();
    if (isDisabled) await closeSessionsOf(transaction, adminUserId);
    else await forgetLogInTries(transaction, row.name);
    await writeAudit(transaction, who, isDisabled ? 'user.disabled' : 'user.enabled', `user ${row.name}`);
    return 'changed';
  });
}

/** Ends the person's sessions and forgets wrong passwords; they choose their own at the next log-in. @returns false for nobody */
export async function setPassword(db: Db, who: string, adminUserId: string, passwordHash: string): Promise<boolean> {
  return inTransaction(db, async (transaction) => {
    const changed = await transaction
      .updateTable('admin_users')
      .set({ password_hash: passwordHash, must_change_password: true, failed_count: 0, locked_until: null })
      .where('admin_user_id', '=', adminUserId)
      .returning('name')
      .executeTakeFirst();
    if (!changed) return false;
    await closeSessionsOf(transaction, adminUserId);
    await forgetLogInTries(transaction, changed.name);
    await writeAudit(transaction, who, 'user.password_set', `user ${changed.name}`);
    return true;
  });
}

function inTransaction<T>(db: Db, work: (transaction: Db) => Promise<T>): Promise<T> {
  return withDatabase(() => db.transaction().execute(work));
}

/** Those who can give access now. In the order of their ids, so that two changes wait for each other, and never both. */
async function lockAdmins(db: Db): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select admin_user_id as id from admin_users where disabled_at is null and 'admin' = any(roles)
    order by admin_user_id for update`.execute(db);
  return rows.map(({ id }) => id);
}

async function lockUser(db: Db, adminUserId: string) {
  return db
    .selectFrom('admin_users')
    .select(['name', 'roles', 'disabled_at'])
    .where('admin_user_id', '=', adminUserId)
    .forUpdate()
    .executeTakeFirst();
}

function isLast(admins: readonly string[], adminUserId: string): boolean {
  return admins.length === 1 && admins[0] === adminUserId;
}
