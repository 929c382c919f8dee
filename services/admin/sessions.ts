// Sessions: a random cookie, of which Postgres keeps the hash. They end after 12 hours without use, or 7 days in all.
import { createHash, randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../lib/db/database.ts';
import { type Ability, abilitiesOf } from './roles.ts';

export interface Session {
  adminUserId: string;
  name: string;
  roles: string[];
  abilities: ReadonlySet<Ability>;
  /** Stands in every form: a page of somebody else's cannot know it. */
  csrfToken: string;
  mustChangePassword: boolean;
}

const idleHours = 12;
const wholeDays = 7;

/** @returns the cookie's value */
export async function openSession(db: Db, adminUserId: string): Promise<string> {
  const token = randomBytes(32).toString('base64url');
  await withDatabase(() =>
    db
      .insertInto('admin_sessions')
      .values({
        token_hash: toHash(token),
        admin_user_id: adminUserId,
        csrf_token: randomBytes(24).toString('base64url'),
        expires_at: sql`now() + make_interval(days => ${wholeDays}::int)`,
      })
      .execute(),
  );
  await withDatabase(() => sql`delete from admin_sessions where expires_at < now()`.execute(db));
  return token;
}

/** Finds a session and counts that as its use. @throws DependencyError('postgres') */
export async function findSession(db: Db, token: string): Promise<Session | undefined> {
  const found = await readSession(db, token);
  if (found?.isStale) {
    await withDatabase(() =>
      sql`update admin_sessions set seen_at = now() where token_hash = ${toHash(token)}`.execute(db),
    );
  }
  return found?.session;
}

/** Finds a session for what happens by itself, such as a page that updates: that is no use of it. */
export async function findUnusedSession(db: Db, token: string): Promise<Session | undefined> {
  return (await readSession(db, token))?.session;
}

/** Whether a session is open, and allows what it allowed. */
export async function isStillOpen(db: Db, token: string, session: Session): Promise<boolean> {
  const now = await findUnusedSession(db, token);
  return (
    now?.adminUserId === session.adminUserId &&
    now.mustChangePassword === session.mustChangePassword &&
    now.roles.toSorted().join() === session.roles.toSorted().join()
  );
}

async function readSession(db: Db, token: string): Promise<{ session: Session; isStale: boolean } | undefined> {
  const { rows } = await withDatabase(() =>
    sql<{ id: string; name: string; roles: string[]; csrf: string; must: boolean; stale: boolean }>`
      select u.admin_user_id as id, u.name, u.roles, s.csrf_token as csrf, u.must_change_password as must,
        s.seen_at < now() - interval '1 minute' as stale
      from admin_sessions s join admin_users u using (admin_user_id)
      where s.token_hash = ${toHash(token)} and s.expires_at > now() and u.disabled_at is null
        and s.seen_at > now() - make_interval(hours => ${idleHours}::int)`.execute(db),
  );
  const row = rows[0];
  if (!row) return undefined;
  const session = {
    adminUserId: row.id,
    name: row.name,
    roles: row.roles,
    abilities: abilitiesOf(row.roles),
    csrfToken: row.csrf,
    mustChangePassword: row.must,
  };
  return { session, isStale: row.stale };
}

export async function closeSession(db: Db, token: string): Promise<void> {
  await withDatabase(() => db.deleteFrom('admin_sessions').where('token_hash', '=', toHash(token)).execute());
}

/** A new password, a changed role or a closed account ends all sessions of that person, but for the one that did it. */
export async function closeSessionsOf(db: Db, adminUserId: string, exceptToken?: string): Promise<void> {
  await withDatabase(() =>
    db
      .deleteFrom('admin_sessions')
      .where('admin_user_id', '=', adminUserId)
      .where('token_hash', '!=', toHash(exceptToken ?? ''))
      .execute(),
  );
}

function toHash(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
