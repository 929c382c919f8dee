// The rows of replays: written as wanted by people, and driven by one executor at a time under a lease and an epoch, so that
// whatever an earlier holder still writes is void.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import {
  type Replay,
  type ReplayCounts,
  type ReplayCursor,
  type ReplayMode,
  type ReplayState,
  readCounts,
  readCursor,
  readFilter,
  readOffsets,
} from '../operator/replay-types.ts';

export type NewReplay = Pick<
  Replay,
  'replayId' | 'topic' | 'from' | 'until' | 'filter' | 'mode' | 'reason' | 'ratePerSecond' | 'requestedBy'
>;

interface Row {
  replay_id: string;
  topic: string;
  from_offsets: unknown;
  until_offsets: unknown;
  filter: unknown;
  mode: ReplayMode;
  reason: string;
  rate_per_second: number;
  state: ReplayState;
  detail: string;
  cursor: unknown;
  counts: unknown;
  epoch: number;
  requested_by: string;
  requested_at: Date;
  ended_at: Date | null;
}

export async function insertReplay(db: Db, replay: NewReplay): Promise<void> {
  await withDatabase(() =>
    sql`
      insert into replays (replay_id, topic, from_offsets, until_offsets, filter, mode, reason, rate_per_second,
        requested_by)
      values (${replay.replayId}, ${replay.topic}, ${JSON.stringify(replay.from)}, ${JSON.stringify(replay.until)},
        ${JSON.stringify(replay.filter)}, ${replay.mode}, ${replay.reason}, ${replay.ratePerSecond},
        ${replay.requestedBy})`.execute(db),
  );
}

export async function findReplay(db: Db, replayId: string): Promise<Replay | undefined> {
  const { rows } = await withDatabase(() => sql<Row>`select * from replays where replay_id = ${replayId}`.execute(db));
  return rows[0] && toReplay(rows[0]);
}

export interface ReplayPage {
  replays: Replay[];
  /** For `after`; undefined on the last page. */
  next: string | undefined;
}

/** Newest first, by the index on requested_at. */
const nextForm = /^(\d{1,17})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/** Of `next`. */
export const isNext = (text: string): boolean => nextForm.test(text);

export async function listReplays(db: Db, options: { after?: string | undefined; limit: number }): Promise<ReplayPage> {
  const { limit } = options;
  const [, us, id] = nextForm.exec(options.after ?? '') ?? [];
  const { rows } = await withDatabase(() =>
    sql<Row & { requested_us: string }>`
      select *, (extract(epoch from requested_at) * 1000000)::bigint::text as requested_us from replays
      ${us && id ? sql`where (requested_at, replay_id) < ('epoch'::timestamptz + ${us}::bigint * interval '1 microsecond', ${id}::uuid)` : sql``}
      order by requested_at desc, replay_id desc limit ${limit + 1}`.execute(db),
  );
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next = rows.length > limit && last ? `${last.requested_us}.${last.replay_id}` : undefined;
  return { replays: shown.map(toReplay), next };
}

const turns = {
  pause: { from: ['wanted', 'running'], to: 'paused' },
  resume: { from: ['paused'], to: 'wanted' },
  cancel: { from: ['wanted', 'running', 'paused'], to: 'cancelled' },
} as const;
export type ReplayTurn = keyof typeof turns;

/** @returns false when it is not in a state that this can be done in, or does not exist */
export async function turnReplay(db: Db, replayId: string, turn: ReplayTurn): Promise<boolean> {
  const { from, to } = turns[turn];
  const { rows } = await withDatabase(() =>
    sql`
      update replays set state = ${to}, ended_at = case when ${to} = 'cancelled' then now() end
      where replay_id = ${replayId} and state = any(${[...from]}::text[])
      returning replay_id`.execute(db),
  );
  return rows.length > 0;
}

/** The oldest that nobody drives: new, given back, or left behind by an executor that died. */
export async function claimReplay(db: Db, leaseMs: number): Promise<Replay | undefined> {
  const { rows } = await withDatabase(() =>
    sql<Row>`
      with free as (
        select replay_id from replays
        where state in ('wanted', 'running') and (lease_until is null or lease_until < now())
        order by requested_at, replay_id limit 1
        for update skip locked
      )
      update replays r set state = 'running', epoch = r.epoch + 1,
        lease_until = now() + make_interval(secs => ${leaseMs / 1_000})
      from free where r.replay_id = free.replay_id
      returning r.*`.execute(db),
  );
  return rows[0] && toReplay(rows[0]);
}

type Held = Pick<Replay, 'replayId' | 'epoch'>;

/** Paused and resumed before its holder noticed: that one goes on. */
const goOn = sql`state = case when state = 'wanted' then 'running' else state end`;

/** @returns the state that people want it in by now; undefined when another has taken it over */
export async function renewReplay(db: Db, held: Held, leaseMs: number): Promise<ReplayState | undefined> {
  const { rows } = await withDatabase(() =>
    sql<{ state: ReplayState }>`
      update replays set lease_until = now() + make_interval(secs => ${leaseMs / 1_000}), ${goOn}
      where replay_id = ${held.replayId} and epoch = ${held.epoch}
      returning state`.execute(db),
  );
  return rows[0]?.state;
}

/**
 * Cursor and counts move together, also when it was paused or cancelled meanwhile: what was done is told.
 * @returns as `renewReplay`
 */
export async function saveReplay(
  db: Db,
  held: Held,
  progress: { cursor: ReplayCursor; counts: ReplayCounts },
): Promise<ReplayState | undefined> {
  const { rows } = await withDatabase(() =>
    sql<{ state: ReplayState }>`
      update replays set cursor = ${JSON.stringify(progress.cursor)}, counts = ${JSON.stringify(progress.counts)},
        detail = '', ${goOn}
      where replay_id = ${held.replayId} and epoch = ${held.epoch}
      returning state`.execute(db),
  );
  return rows[0]?.state;
}

/** `running` again, for whoever is free (then `detail` says what it waits for); or the end. */
export async function leaveReplay(
  db: Db,
  held: Held,
  left: { state: 'running' | 'done' | 'failed'; detail: string },
): Promise<void> {
  await withDatabase(() =>
    sql`
      update replays set lease_until = null, detail = ${left.detail},
        state = case when state = 'running' then ${left.state} else state end,
        ended_at = case when state = 'running' and ${left.state} <> 'running' then now() else ended_at end
      where replay_id = ${held.replayId} and epoch = ${held.epoch}`.execute(db),
  );
}

function toReplay(row: Row): Replay {
  const from = readOffsets(row.from_offsets);
  return {
    replayId: row.replay_id,
    topic: row.topic,
    from,
    until: readOffsets(row.until_offsets),
    filter: readFilter(row.filter),
    mode: row.mode,
    reason: row.reason,
    ratePerSecond: row.rate_per_second,
    state: row.state,
    detail: row.detail,
    cursor: readCursor(row.cursor),
    counts: readCounts(row.counts),
    epoch: row.epoch,
    requestedBy: row.requested_by,
    requestedAt: row.requested_at,
    endedAt: row.ended_at,
  };
}
