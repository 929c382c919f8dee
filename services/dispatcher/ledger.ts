// The ledger: who may send what, and how it ended. Each statement stands in ledger/ in a file named by its verb; here
// they get their month, and an error that says whether Postgres is down.
import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Channel } from '../../domain/ids.ts';
import { type Db, toMonth, withDatabase } from '../../lib/db/database.ts';
import type { NotificationOutcome } from '../../lib/events.ts';
import { type NewHold, placeHold } from '../../lib/holds/place-hold.ts';
import { type BacklogView, type Fullest, findFullest, measureWaiting, viewBacklog } from './ledger/backlog.ts';
import { claim } from './ledger/claim.ts';
import { claimDue, type DueWish } from './ledger/claim-due.ts';
import { endUnreadable } from './ledger/end-unreadable.ts';
import { readHolds, readSharedHolds, wake } from './ledger/holds.ts';
import { type Ended, insertEnded } from './ledger/insert-ended.ts';
import { leaveWaiting, type PutOff, postpone } from './ledger/leave-waiting.ts';
import { markSending } from './ledger/mark-sending.ts';
import { deleteOldMinutes } from './ledger/minutes.ts';
import { park } from './ledger/park.ts';
import { release } from './ledger/release.ts';
import { renew } from './ledger/renew.ts';
import { settle } from './ledger/settle.ts';
import type { ClaimRequest, ClaimRow, Due, Held, HoldState, Parked, Settlement, SharedHold } from './ledger/types.ts';

/** Every call throws DependencyError('postgres') when Postgres cannot be reached; calling again is always safe. */
export interface Ledger {
  /** @returns one row for each request. A claim that was repeated after a lost answer returns its own rows. */
  claim(requests: readonly ClaimRequest[], options: { token: string; fromWaiting: boolean }): Promise<ClaimRow[]>;
  markSending(claims: readonly Held[]): Promise<Set<string>>;
  renew(claims: readonly Held[]): Promise<Set<string>>;
  release(claims: readonly Held[]): Promise<void>;
  settle(settlements: readonly Settlement[]): Promise<Set<string>>;
  park(records: readonly Parked[]): Promise<void>;
  claimDue(priority: string, wish: DueWish): Promise<Due[]>;
  /** What waits for a channel that is or was down, for these people. */
  viewBacklog(priority: string, channel: Channel, people: readonly string[]): Promise<BacklogView>;
  /** @returns bytes of all that waits in a lane */
  measureWaiting(priority: string): Promise<number>;
  findFullest(priority: string, leastBytes: number): Promise<Fullest | undefined>;
  /** Of rows that can never be dispatched. @returns what ended */
  endUnreadable(items: readonly { notificationId: string; month: string; detail: string }[]): Promise<Ended[]>;
  leaveWaiting(notificationIds: readonly string[]): Promise<void>;
  postpone(items: readonly PutOff[]): Promise<void>;
  /** @returns the holds on these requests; one that may go on is not in it */
  readHolds(requestIds: readonly string[]): Promise<Map<string, HoldState>>;
  /** @returns the holds in force that cover more than one request */
  readSharedHolds(): Promise<SharedHold[]>;
  /** Places a hold and writes it into the audit log. @returns whether it is new: one in force stays as it is */
  placeHold(hold: NewHold): Promise<boolean>;
  /** See ledger/holds.ts. @returns how many rows are due now, and when it was done, for the next call */
  wake(since: string | undefined): Promise<{ count: number; at: string }>;
  insertEnded(outcomes: readonly NotificationOutcome[]): Promise<Ended[]>;
  /** Makes the months ahead, so that no row of theirs falls into the partition for the rest. */
  ensureMonths(): Promise<void>;
  /** @returns how many rows */
  deleteOldMinutes(): Promise<number>;
}

/** By Postgres's clock. Long enough for a slice at a slow server, short enough to go on soon after a crash. */
export const leaseMs = 60_000;
const monthsAhead = 3;

export function createLedger(db: Db): Ledger {
  const leaseSeconds = leaseMs / 1000;
  /** Names of writers of minutes that no statement has in use: two that run at the same time never share one. */
  const workers: string[] = [];
  async function asWorker<T>(work: (worker: string) => Promise<T>): Promise<T> {
    const worker = workers.pop() ?? randomUUID();
    try {
      return await work(worker);
    } finally {
      workers.push(worker);
    }
  }
  return {
    claim: (requests, { token, fromWaiting }) =>
      byMonth(requests, toMonthOf, (month, some) =>
        asWorker((worker) => claim(db, month, some, { token, fromWaiting, leaseSeconds, worker })),
      ),
    markSending: async (claims) =>
      new Set(
        await byMonth(
          claims,
          ({ month }) => month,
          (month, some) => markSending(db, month, some),
        ),
      ),
    renew: async (claims) =>
      new Set(
        await byMonth(
          claims,
          ({ month }) => month,
          (month, some) => renew(db, month, some, leaseSeconds),
        ),
      ),
    release: async (claims) => {
      await byMonth(
        claims,
        ({ month }) => month,
        async (month, some) => {
          await release(db, month, some);
          return [];
        },
      );
    },
    settle: async (settlements) =>
      new Set(
        await byMonth(
          settlements,
          ({ month }) => month,
          (month, some) => asWorker((worker) => settle(db, month, some, worker)),
        ),
      ),
    park: async (records) => {
      if (records.length > 0) await withDatabase(() => park(db, records));
    },
    claimDue: (priority, wish) => withDatabase(() => claimDue(db, priority, { ...wish, leaseSeconds })),
    viewBacklog: (...asked) => withDatabase(() => viewBacklog(db, ...asked)),
    measureWaiting: (priority) => withDatabase(() => measureWaiting(db, priority)),
    findFullest: (...asked) => withDatabase(() => findFullest(db, ...asked)),
    endUnreadable: (items) =>
      byMonth(
        items,
        ({ month }) => month,
        (month, some) => asWorker((worker) => endUnreadable(db, month, some, worker)),
      ),
    leaveWaiting: async (ids) => {
      if (ids.length > 0) await withDatabase(() => leaveWaiting(db, ids));
    },
    postpone: async (items) => {
      if (items.length > 0) await withDatabase(() => postpone(db, items));
    },
    readHolds: (requestIds) => withDatabase(() => readHolds(db, requestIds)),
    readSharedHolds: () => withDatabase(() => readSharedHolds(db)),
    placeHold: (hold) => placeHold(db, hold),
    wake: (since) => withDatabase(() => wake(db, since)),
    insertEnded: (outcomes) =>
      byMonth(
        outcomes,
        (outcome) => toMonth(outcome.requested_at),
        (month, some) => asWorker((worker) => insertEnded(db, month, some, worker)),
      ),
    ensureMonths: () =>
      withDatabase(async () => {
        await sql`
          select ensure_delivery_month((date_trunc('month', now()) + make_interval(months => n))::date)
          from generate_series(0, ${monthsAhead}::integer) n
        `.execute(db);
      }),
    deleteOldMinutes: () => withDatabase(() => deleteOldMinutes(db)),
  };
}

const toMonthOf = ({ event }: ClaimRequest): string => toMonth(event.requested_at);

/** Nearly always one statement: the requests of a slice are of one month, but for the first hours of the next. */
async function byMonth<T, R>(
  items: readonly T[],
  monthOf: (item: T) => string,
  work: (month: string, items: readonly T[]) => Promise<R[]>,
): Promise<R[]> {
  const groups = Map.groupBy(items, monthOf);
  const results: R[][] = [];
  for (const [month, some] of groups) results.push(await withDatabase(() => work(month, some)));
  return results.length === 1 ? (results[0] ?? []) : results.flat();
}
