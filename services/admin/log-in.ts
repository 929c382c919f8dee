// Checks a name and password, throttled: after five wrong passwords in a row a name waits, longer each time; an address
// that tries many names waits as well. Whether the name or the password was wrong is not told.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../lib/db/database.ts';
import { createGate } from '../../lib/gate.ts';
import { verifyPassword } from '../../lib/passwords.ts';

export type LogIn =
  | { kind: 'ok'; adminUserId: string; name: string }
  | { kind: 'wrong' }
  /** So many passwords are being checked that this one was not. */
  | { kind: 'busy' }
  | { kind: 'wait'; seconds: number };

const freeTries = 5;
const longestLockSeconds = 15 * 60;
const addressTries = 20;
const addressWindowMs = 60_000;
/** A check takes 32 MiB and a tenth of a second of one core: two leave the others to Kafka, files and pages. */
const checksAtOnce = { maxRunning: 2, maxWaiting: 20 };
/** Of nobody's password: an unknown name takes as long as a known one. */
const nobodysHash =
  'scrypt$15$8$1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA';

export interface LogIns {
  /** @throws DependencyError('postgres') */
  tryLogIn(name: string, password: string, address: string): Promise<LogIn>;
}

export function createLogIns(db: Db, now: () => number): LogIns {
  const checks = createGate(checksAtOnce);
  const triesByAddress = new Map<string, { count: number; sinceMs: number }>();

  function addressWait(address: string): number {
    const tries = triesByAddress.get(address);
    if (!tries || now() - tries.sinceMs > addressWindowMs) {
      if (triesByAddress.size > 10_000) triesByAddress.clear();
      triesByAddress.set(address, { count: 1, sinceMs: now() });
      return 0;
    }
    tries.count += 1;
    return tries.count > addressTries ? Math.ceil((tries.sinceMs + addressWindowMs - now()) / 1_000) : 0;
  }

  return {
    async tryLogIn(name, password, address) {
      const seconds = addressWait(address);
      if (seconds > 0) return { kind: 'wait', seconds };
      const user = await findUser(db, name);
      if (user && user.waitSeconds > 0) return { kind: 'wait', seconds: user.waitSeconds };
      const check = checks.run(() => verifyPassword(password, user?.hash ?? nobodysHash));
      if (!check) return { kind: 'busy' };
      const isRight = await check;
      if (user && isRight) {
        await withDatabase(() =>
          sql`update admin_users set failed_count = 0, locked_until = null where admin_user_id = ${user.id}`.execute(
            db,
          ),
        );
        return { kind: 'ok', adminUserId: user.id, name: user.name };
      }
      if (user) await countFailure(db, user.id);
      return { kind: 'wrong' };
    },
  };
}

async function findUser(db: Db, name: string) {
  const { rows } = await withDatabase(() =>
    sql<{ id: string; name: string; hash: string; waitSeconds: number }>`
      select admin_user_id as id, name, password_hash as hash,
        greatest(0, ceil(extract(epoch from locked_until - now())))::int as "waitSeconds"
      from admin_users where name = ${name.trim().toLowerCase()} and disabled_at is null`.execute(db),
  );
  return rows[0];
}

/** The fifth wrong password in a row locks for 30 s, each further one for twice as long. */
async function countFailure(db: Db, adminUserId: string): Promise<void> {
  await withDatabase(() =>
    sql`
      update admin_users set failed_count = failed_count + 1,
        locked_until = case when failed_count + 1 >= ${freeTries}::int then now() + make_interval(secs =>
          least(30 * power(2, least(failed_count + 1 - ${freeTries}::int, 10)), ${longestLockSeconds}::int)) end
      where admin_user_id = ${adminUserId}`.execute(db),
  );
}
