// Checks a name and password: throttled (log-in-tries.ts), two at a time, and with the same answer in the same time
// whether the name exists or not.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../lib/db/database.ts';
import { createGate } from '../../lib/gate.ts';
import { toLogInName } from '../../lib/log-in-tries.ts';
import { hashPassword, isOutdated, verifyPassword } from '../../lib/passwords.ts';
import { beginTry, countersOf, endTries, startWait, takeBack } from './log-in-tries.ts';
import { PageError } from './page-error.ts';

export type LogIn =
  | { kind: 'ok'; adminUserId: string; name: string }
  /** `isNews`: the audit log has no line of it yet. */
  | { kind: 'wrong'; isNews: boolean }
  /** So many passwords are being checked that this one was not. */
  | { kind: 'busy' }
  | { kind: 'wait'; seconds: number };

/** A check takes 32 MiB and a third of a second of one core: two leave the others to Kafka, files and pages. */
const checksAtOnce = { maxRunning: 2, maxWaiting: 20 };
/** An address is known for so long after the last log-in from it. */
const knownDays = 90;
const maxKnown = 50;

export interface LogIns {
  /**
   * @param network of the caller (client-address.ts)
   * @throws DependencyError('postgres')
   */
  tryLogIn(name: string, password: string, network: string): Promise<LogIn>;
  /** Somebody who is logged in gives their password once more, with the same throttle. */
  tryAgain(name: string, password: string, network: string): Promise<LogIn>;
  /** In turn with the checks. @throws PageError 503 when too many wait */
  hash(password: string): Promise<string>;
}

export const busySentence = 'Too many passwords are being checked at the moment. Wait some seconds, then try again.';

export function createLogIns(db: Db): LogIns {
  const checks = createGate(checksAtOnce);

  async function check(name: string, password: string, network: string, isLoggedIn: boolean): Promise<LogIn> {
    const user = await findUser(db, name, network);
    const isKnown = isLoggedIn || (user?.isKnown ?? false);
    const counters = countersOf(name, network, isKnown);
    const begun = await beginTry(db, counters);
    if (begun.kind === 'wait') return begun;
    // Whoever is known waits only for others who are known.
    const checking = checks.run(() => judge(user, password), isKnown);
    if (!checking) {
      await takeBack(db, counters);
      return { kind: 'busy' };
    }
    const newHash = await checking;
    if (!user || newHash === 'wrong') {
      await startWait(db, counters, begun.waitSeconds);
      return { kind: 'wrong', isNews: begun.isNews };
    }
    await endTries(db, counters);
    if (newHash !== user.hash) await replaceHash(db, user.id, user.hash, newHash);
    await rememberAddress(db, user.id, network);
    return { kind: 'ok', adminUserId: user.id, name: user.name };
  }

  return {
    tryLogIn: (name, password, network) => check(name, password, network, false),
    tryAgain: (name, password, network) => check(name, password, network, true),
    hash(password) {
      const hashing = checks.run(() => hashPassword(password), true);
      if (!hashing) throw new PageError(503, busySentence);
      return hashing;
    },
  };
}

/** @returns the hash that the password is to have from now on: of this release's measure */
async function judge(user: { hash: string } | undefined, password: string): Promise<string> {
  const isRight = await verifyPassword(password, user?.hash);
  if (!user || !isRight) return 'wrong';
  return isOutdated(user.hash) ? hashPassword(password) : user.hash;
}

async function findUser(db: Db, name: string, network: string) {
  const { rows } = await withDatabase(() =>
    sql<{ id: string; name: string; hash: string; isKnown: boolean }>`
      select u.admin_user_id as id, u.name, u.password_hash as hash, exists (
          select from admin_known_addresses k where k.admin_user_id = u.admin_user_id and k.address = ${network}
            and k.seen_at > now() - make_interval(days => ${knownDays}::int)) as "isKnown"
      from admin_users u where u.name = ${toLogInName(name)} and u.disabled_at is null`.execute(db),
  );
  return rows[0];
}

/** Not when the password was changed meanwhile. */
async function replaceHash(db: Db, adminUserId: string, before: string, after: string): Promise<void> {
  await withDatabase(() =>
    db
      .updateTable('admin_users')
      .set({ password_hash: after })
      .where('admin_user_id', '=', adminUserId)
      .where('password_hash', '=', before)
      .execute(),
  );
}

/** The newest ones of each person. */
async function rememberAddress(db: Db, adminUserId: string, network: string): Promise<void> {
  await withDatabase(() =>
    sql`
      insert into admin_known_addresses (admin_user_id, address) values (${adminUserId}, ${network})
      on conflict (admin_user_id, address) do update set seen_at = now()`.execute(db),
  );
  await withDatabase(() =>
    sql`
      delete from admin_known_addresses where admin_user_id = ${adminUserId} and (
        seen_at < now() - make_interval(days => ${knownDays}::int) or address in (
          select address from admin_known_addresses where admin_user_id = ${adminUserId}
          order by seen_at desc offset ${maxKnown}::int))`.execute(db),
  );
}
