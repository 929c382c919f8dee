// What a shared hold kept back goes on when the hold is lifted or its end has come. The dispatcher let records without a row
// pass, so their people are published again: those of driven requests as after a pause, those of the others here, portion
// by portion. Only at the end is the hold marked, so that a crash in between repeats it.
import { sql } from 'kysely';
import type { SharedScope } from '../../../domain/holds.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { openSince, requestIsOpen } from '../../../lib/db/open-requests.ts';
import { DependencyError } from '../../../lib/errors.ts';
import { coversRequest, requestIsCovered } from '../../../lib/holds/covers.ts';
import { isAnyHoldOver, liftEndedHolds } from '../../../lib/holds/lift-hold.ts';
import { LeaveError, pauseFor } from '../../../lib/kafka/lane-status.ts';
import { type Priority, priorities } from '../../../lib/topics.ts';
import { republishMissingOf } from './direct-requests.ts';
import { type CareParts, measureLagOf } from './look-after.ts';

export interface HeldResumer {
  /** Lifts what is over and takes up what was lifted; that goes on after this returns. */
  look(): Promise<void>;
  /** Resolves when nothing of it goes on any more; after the signal, at once. */
  ended(): Promise<void>;
}

interface Lifted {
  holdId: number;
  scope: SharedScope;
  subject: string;
  /** Ours as long as the row still has it; Postgres's own notation, with all its digits. */
  lease: string;
}

/** Where the walk through the open requests of a priority goes on. */
interface Walk {
  priority: Priority;
  since: string;
  requestId: string;
  /** When the next portion may be published at the earliest, and when it is whatever the lanes have to read. */
  notBeforeMs: number;
  notAfterMs: number;
}

const leaseSeconds = 30;
const perPortion = 500;
/** What comes back is spread, so that everybody else in its lanes goes on: so many people a second and priority. */
const peoplePerSecond = 2_000;
/** While its lanes have more to read than this, the next portion waits; but not for ever, for a mailing may be under way. */
const maxLagRecords = 5_000;
const longestWaitMs = 10_000;
const pauseMs = 200;
/** A lift's time is that of the transaction that wrote it, which is seen only when that has ended. */
const overlapSeconds = 60;
const nobody = '00000000-0000-0000-0000-000000000000';

export function createHeldResumer(parts: CareParts, signal: AbortSignal): HeldResumer {
  const running = new Set<Promise<void>>();

  async function resume(hold: Lifted): Promise<void> {
    const { logger, db } = parts;
    const { holdId, scope, subject } = hold;
    try {
      const count = await resumeAll(parts, hold, signal);
      if (count !== undefined)
        logger.info({ holdId, scope, subject, count }, 'a hold is over, whom it kept back goes on');
    } catch (error) {
      if (error instanceof LeaveError) await giveBack(db, hold).catch(() => undefined);
      else if (error instanceof DependencyError)
        logger.warn({ err: error, holdId }, 'a lifted hold is taken up again later');
      else logger.error({ err: error, holdId }, 'a bug: a lifted hold is taken up again when its lease ends');
    }
  }

  return {
    async look() {
      const work = await findWork(parts.db);
      if (work.isAnyOver) {
        for (const target of await liftEndedHolds(parts.db)) parts.logger.info(target, 'a hold has come to its end');
      }
      if (!work.isAnyOver && !work.isAnyLifted) return;
      for (const hold of await takeLifted(parts.db)) {
        const resumed = resume(hold).finally(() => running.delete(resumed));
        running.add(resumed);
      }
    },
    async ended() {
      await Promise.all(running);
    },
  };
}

/** One look that spares the others at rest. */
async function findWork(db: Db): Promise<{ isAnyOver: boolean; isAnyLifted: boolean }> {
  const { rows } = await withDatabase(() =>
    sql<{ isAnyOver: boolean; isAnyLifted: boolean }>`
      select ${isAnyHoldOver} as "isAnyOver",
        exists (select from sending_holds where lifted_at is not null and resumed_at is null) as "isAnyLifted"
    `.execute(db),
  );
  return rows[0] ?? { isAnyOver: false, isAnyLifted: false };
}

/** Those that no planner is at, under a lease. */
async function takeLifted(db: Db): Promise<Lifted[]> {
  const { rows } = await withDatabase(() =>
    sql<Lifted>`
      with free as (
        select hold_id from sending_holds
        where lifted_at is not null and resumed_at is null
          and (resume_lease_until is null or resume_lease_until <= now())
        order by hold_id
        for update skip locked
      )
      update sending_holds s set resume_lease_until = now() + make_interval(secs => ${leaseSeconds})
      from free where s.hold_id = free.hold_id
      returning s.hold_id as "holdId", s.scope, s.subject, s.resume_lease_until::text as lease`.execute(db),
  );
  return rows;
}

/** @returns how many people of requests that nobody drives were published; undefined when the lease was lost */
async function resumeAll(parts: CareParts, hold: Lifted, signal: AbortSignal): Promise<number | undefined> {
  const { db } = parts;
  await releaseDriven(db, hold);
  let count = 0;
  const start = { since: '-infinity', requestId: nobody, notBeforeMs: 0, notAfterMs: 0 };
  let walks: Walk[] = prioritiesOf(hold).map((priority) => ({ priority, ...start }));
  while (walks.length > 0) {
    const left: Walk[] = [];
    let isWaiting = true;
    for (const walk of walks) {
      if (!(await renew(db, hold))) return undefined;
      if (!(await mayGoOn(parts, walk))) {
        left.push(walk);
        continue;
      }
      isWaiting = false;
      const { dueIds, next } = await readPortion(db, hold, walk);
      const published = await republishMissingOf(parts, dueIds);
      await noteRepublished(db, dueIds);
      count += published;
      const notBeforeMs = performance.now() + (1_000 * published) / peoplePerSecond;
      if (next) left.push({ ...walk, ...next, notBeforeMs, notAfterMs: notBeforeMs + longestWaitMs });
    }
    walks = left;
    await pauseFor(isWaiting ? pauseMs : 0, signal);
  }
  return (await noteResumed(db, hold)) ? count : undefined;
}

async function mayGoOn(parts: CareParts, { priority, notBeforeMs, notAfterMs }: Walk): Promise<boolean> {
  const nowMs = performance.now();
  if (nowMs < notBeforeMs) return false;
  return nowMs >= notAfterMs || (await measureLagOf(parts, priority)) <= maxLagRecords;
}

function prioritiesOf({ scope, subject }: Lifted): readonly Priority[] {
  return scope === 'lane' ? priorities.filter((priority) => subject.startsWith(`${priority}/`)) : priorities;
}

/**
 * Lets what is driven go on, once: from here on no holder finds it on hold. It is paused by its holder or by apply-holds.ts
 * already; but a hold may come and go before either has seen it, and records pass all the same. Such a request is paused
 * now, and so resumed like all others; the epoch voids a holder at work.
 */
async function releaseDriven(db: Db, { holdId }: Lifted): Promise<void> {
  await withDatabase(() =>
    sql`
      with s as (
        update sending_holds set released_at = now() where hold_id = ${holdId} and released_at is null
        returning scope, subject
      ), passed as (
        select r.request_id from s join requests r on ${coversRequest}
        where r.driven and r.ended_at is null and r.state in ('planning', 'running') and r.chunk_count > 0
        order by r.request_id
        for update of r
      )
      update requests r set state = 'paused', epoch = r.epoch + 1, lease_until = null
      from passed where r.request_id = passed.request_id`.execute(db),
  );
}

/** The next open requests that nobody drives; of them those that this hold kept back, and no other hold does now. */
async function readPortion(
  db: Db,
  { holdId }: Lifted,
  walk: Walk,
): Promise<{ dueIds: string[]; next: Pick<Walk, 'since' | 'requestId'> | undefined }> {
  const { rows } = await withDatabase(() =>
    sql<Pick<Walk, 'since' | 'requestId'> & { isDue: boolean }>`
      select r.request_id as "requestId", r.since::text as since,
        not r.driven and r.state = 'running' and ${coversRequest} and not ${requestIsCovered} as "isDue"
      from sending_holds s
      cross join lateral (
        select r.*, ${openSince} as since from requests r
        where r.priority = ${walk.priority} and ${requestIsOpen}
          and (${openSince}, r.request_id) > (${walk.since}::timestamptz, ${walk.requestId}::uuid)
          and ${openSince} <= s.lifted_at + make_interval(secs => ${overlapSeconds})
        order by ${openSince}, r.request_id limit ${perPortion}
      ) r
      where s.hold_id = ${holdId}
      order by r.since, r.request_id`.execute(db),
  );
  const dueIds = rows.filter(({ isDue }) => isDue).map(({ requestId }) => requestId);
  return { dueIds, next: rows.length === perPortion ? rows.at(-1) : undefined };
}

/** Their numbers did not move because of the hold: healing begins to count from here. */
async function noteRepublished(db: Db, requestIds: readonly string[]): Promise<void> {
  if (requestIds.length === 0) return;
  await withDatabase(() =>
    sql`
      update requests set progress_at = now()
      where request_id = any(${requestIds as string[]}::uuid[]) and not driven and ended_at is null`.execute(db),
  );
}

async function renew(db: Db, hold: Lifted): Promise<boolean> {
  const { rows } = await withDatabase(() =>
    sql<{ lease: string }>`
      update sending_holds set resume_lease_until = now() + make_interval(secs => ${leaseSeconds})
      where hold_id = ${hold.holdId} and resume_lease_until = ${hold.lease}::timestamptz and resumed_at is null
      returning resume_lease_until::text as lease`.execute(db),
  );
  const [row] = rows;
  if (row) hold.lease = row.lease;
  return row !== undefined;
}

async function noteResumed(db: Db, { holdId, lease }: Lifted): Promise<boolean> {
  const { numAffectedRows } = await withDatabase(() =>
    sql`
      update sending_holds set resumed_at = now(), resume_lease_until = null
      where hold_id = ${holdId} and resume_lease_until = ${lease}::timestamptz`.execute(db),
  );
  return numAffectedRows === 1n;
}

async function giveBack(db: Db, { holdId, lease }: Lifted): Promise<void> {
  await withDatabase(() =>
    sql`
      update sending_holds set resume_lease_until = null
      where hold_id = ${holdId} and resume_lease_until = ${lease}::timestamptz`.execute(db),
  );
}
