// How often a password may be tried, counted in Postgres, so that all admin processes and a restarted one count together.
// A try is counted before its password is checked: a thousand tries at the same time are no way past the limit.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../lib/db/database.ts';
import { toNameHash } from '../../lib/log-in-tries.ts';

interface Limit {
  /** Tries without a wait. */
  free: number;
  /** After the last try (or the first, where the wait does not grow) all is forgotten. */
  forgetSeconds: number;
  /** The wait doubles with each try from 30 s to 15 min; otherwise it lasts until all is forgotten. */
  grows: boolean;
}

/** One name from one address. */
const pairLimit: Limit = { free: 5, forgetSeconds: 60 * 60, grows: true };
/** All names from one address that is not known for the name. */
const addressLimit: Limit = { free: 20, forgetSeconds: 60, grows: false };
/** One name from all addresses that are not known for it: somebody with many addresses guesses no faster than this. */
const nameLimit: Limit = { free: 100, forgetSeconds: 60 * 60, grows: false };
const firstWaitSeconds = 30;
const longestWaitSeconds = 15 * 60;

export interface Counter {
  nameHash: Buffer;
  address: string;
  limit: Limit;
}

const noName = Buffer.alloc(0);

/**
 * In the order in which their rows are locked.
 * @param isKnown the person has logged in from there: others who try do not count against this address
 */
export function countersOf(name: string, address: string, isKnown: boolean): Counter[] {
  const nameHash = toNameHash(name);
  const pair = { nameHash, address, limit: pairLimit };
  if (isKnown) return [pair];
  return [{ nameHash: noName, address, limit: addressLimit }, { nameHash, address: '', limit: nameLimit }, pair];
}

export type Begun =
  | { kind: 'wait'; seconds: number }
  /**
   * `isNews`: the first of its pair, or the one from which on it waits. The audit log has a line for these alone.
   * `waitSeconds`: for this pair, should the password be wrong.
   */
  | { kind: 'begun'; isNews: boolean; waitSeconds: number };

interface Row {
  name_hash: Buffer;
  address: string;
  tries: number;
  /** Seconds from now. */
  waits: number;
  forgets: number;
}

/** Counts a try, unless one of its counters has to wait. @throws DependencyError('postgres') */
export async function beginTry(db: Db, counters: readonly Counter[]): Promise<Begun> {
  // What has to wait costs one statement and writes nothing.
  const waits = longestWait(await readRows(db, counters, sql``));
  if (waits > 0) return { kind: 'wait', seconds: waits };
  const begun = await withDatabase(() =>
    db.transaction().execute(async (transaction): Promise<Begun> => {
      const [nameHashes, addresses] = [
        counters.map(({ nameHash }) => nameHash),
        counters.map(({ address }) => address),
      ];
      await sql`
        insert into admin_log_in_tries (name_hash, address, try_count, wait_until, forget_at)
        select name_hash, address, 0, now(), now()
        from unnest(${nameHashes}::bytea[], ${addresses}::text[]) as wanted (name_hash, address)
        order by name_hash, address on conflict do nothing`.execute(transaction);
      const rows = await readRows(transaction, counters, sql`order by name_hash, address for update`);
      const seconds = longestWait(rows);
      if (seconds > 0) return { kind: 'wait', seconds };
      let isNews = false;
      let waitSeconds = 0;
      for (const { nameHash, address, limit } of counters) {
        const row = rows.find((one) => one.name_hash.equals(nameHash) && one.address === address);
        const next = countTry(limit, row ?? { tries: 0, forgets: 0 });
        await sql`
          update admin_log_in_tries set try_count = ${next.tries}::int,
            wait_until = now() + make_interval(secs => ${next.waits}::int),
            forget_at = now() + make_interval(secs => ${next.forgets}::int)
          where name_hash = ${nameHash} and address = ${address}`.execute(transaction);
        if (limit !== pairLimit) continue;
        isNews = next.tries === 1 || next.tries === limit.free;
        waitSeconds = next.waits;
      }
      return { kind: 'begun', isNews, waitSeconds };
    }),
  );
  await forgetOld(db);
  return begun;
}

/** Pure: what a counter says after one more try. In seconds from now. */
export function countTry(
  limit: Limit,
  { tries: before, forgets: left }: { tries: number; forgets: number },
): { tries: number; waits: number; forgets: number } {
  const isForgotten = left <= 0;
  const tries = isForgotten ? 1 : before + 1;
  const forgets = isForgotten || limit.grows ? limit.forgetSeconds : Math.ceil(left);
  if (tries < limit.free) return { tries, waits: 0, forgets };
  const waits = limit.grows ? firstWaitSeconds * 2 ** Math.min(tries - limit.free, 10) : forgets;
  return { tries, waits: limit.grows ? Math.min(waits, longestWaitSeconds) : waits, forgets };
}

/** The password was wrong: the wait begins with the answer, however long the check took. */
export async function startWait(db: Db, counters: readonly Counter[], seconds: number): Promise<void> {
  if (seconds === 0) return;
  for (const { nameHash, address } of counters.filter(({ limit }) => limit === pairLimit)) {
    await withDatabase(() =>
      sql`
        update admin_log_in_tries set wait_until = now() + make_interval(secs => ${seconds}::int)
        where name_hash = ${nameHash} and address = ${address}`.execute(db),
    );
  }
}

/** The password was right, or was not checked: what was counted for it is taken back. */
export async function takeBack(db: Db, counters: readonly Counter[]): Promise<void> {
  for (const { nameHash, address, limit } of counters) {
    await withDatabase(() =>
      sql`
        update admin_log_in_tries set try_count = greatest(0, try_count - 1),
          wait_until = case when try_count - 1 < ${limit.free}::int or ${limit.grows} then now() else wait_until end
        where name_hash = ${nameHash} and address = ${address}`.execute(db),
    );
  }
}

/** The password was right: this address begins anew for this name. */
export async function endTries(db: Db, counters: readonly Counter[]): Promise<void> {
  await takeBack(
    db,
    counters.filter(({ limit }) => limit !== pairLimit),
  );
  for (const { nameHash, address } of counters.filter(({ limit }) => limit === pairLimit)) {
    await withDatabase(() =>
      db.deleteFrom('admin_log_in_tries').where('name_hash', '=', nameHash).where('address', '=', address).execute(),
    );
  }
}

async function readRows(db: Db, counters: readonly Counter[], how: ReturnType<typeof sql>): Promise<Row[]> {
  const [nameHashes, addresses] = [counters.map(({ nameHash }) => nameHash), counters.map(({ address }) => address)];
  const { rows } = await withDatabase(() =>
    sql<Row>`
      select name_hash, address, try_count as tries,
        extract(epoch from wait_until - now())::float8 as waits, extract(epoch from forget_at - now())::float8 as forgets
      from admin_log_in_tries
      where (name_hash, address) in (select * from unnest(${nameHashes}::bytea[], ${addresses}::text[])) ${how}`.execute(
      db,
    ),
  );
  return rows;
}

/** Whole seconds; 0 when none waits. */
function longestWait(rows: readonly Row[]): number {
  return Math.ceil(Math.max(0, ...rows.map(({ waits }) => waits)));
}

/** A few at a time, and none that somebody counts at this moment. More than two checks a second never run, so few are added. */
async function forgetOld(db: Db): Promise<void> {
  await withDatabase(() =>
    sql`
      delete from admin_log_in_tries where (name_hash, address) in (
        select name_hash, address from admin_log_in_tries where forget_at < now() limit 100 for update skip locked)`.execute(
      db,
    ),
  );
}
