// Runs a stage over one slice and says of every record how it ended. One guilty record never takes others with it: when
// a whole slice fails, its records are tried one by one.
import { StatementUndoneError } from '../db/database.ts';
import { DependencyError, describeError, PermanentError, type PosthornError, TransientError } from '../errors.ts';
import type { NotificationOutcome } from '../events.ts';
import type { Topics } from '../topics.ts';
import type { EventItem, Item } from './items.ts';
import { LeaveError, pauseFor } from './lane-status.ts';
import type { Publisher, RawRecord } from './publisher.ts';
import type { AnyStage } from './stage.ts';

/** How one record ended. Only `done` shows that the stage's code works. */
export type Verdict =
  | {
      kind: 'done';
      item: EventItem;
      records: readonly RawRecord[];
      forwardedCount: number;
      outcomes: readonly NotificationOutcome[];
    }
  | { kind: 'failed'; item: Item; error: PosthornError }
  | { kind: 'bug'; item: EventItem; error: Error }
  | { kind: 'passed over'; item: Item };

/** What the batch that is being worked on lends to the stage. */
export interface Surroundings {
  /** Aborted when the lane stops or has lost the partition. */
  signal: AbortSignal;
  /** Aborted also when the group rebalances: waiting must end, work may be finished. */
  leave: AbortSignal;
  heartbeat(): Promise<void>;
  /** Says that the work goes on; without it a lane counts as stuck after a minute. */
  progressed(): void;
  /** Waits out outside parts that are down. */
  patiently<T>(work: () => Promise<T>): Promise<T>;
}

export interface RetryLimits {
  /** Tries of a slice or record that fails with TransientError. */
  tries: number;
  /** Before the second try; four times as long before each further one. */
  firstDelayMs: number;
  /** When so many records of a slice end as bugs in a row, the rest of it is left alone. */
  bugsInARow: number;
}

/** So often a slice's statements may come to no end before its records are tried one by one; each takes up to 30 s. */
const undoneTries = 3;
/** So many records may come to no end before one does; then it is Postgres, until the next round. */
const maxUndoneFirst = 2;
/** One record alone has no others to be compared with. */
const undoneTriesAlone = 6;
/** A slice of which no record comes to an end. */
const undoneTriesTogether = 12;

/** A record that its own transform wants tried again; the others of its slice are not held up by it. */
type Attempted = Verdict | { kind: 'again'; item: EventItem };

/** @throws LeaveError when the lane stops, or has to leave, before the slice is judged */
export async function judge(
  stage: AnyStage,
  items: readonly EventItem[],
  around: Surroundings,
  options: { publisher: Publisher; topics: Topics; retry: RetryLimits; triesLeft?: number },
): Promise<Verdict[]> {
  const { retry } = options;
  const tries = options.triesLeft ?? retry.tries;
  let attempted: Attempted[];
  let undoneCount = 0;
  /** @throws what `attempt` throws; StatementUndoneError only while it may be the state of Postgres */
  const attemptWithin = async (): Promise<Attempted[]> => {
    try {
      return await attempt(stage, items, around, options);
    } catch (error) {
      if (!(error instanceof StatementUndoneError)) throw error;
      undoneCount += 1;
      around.progressed();
      if (undoneCount < undoneTries) throw error;
      return attemptEach(error);
    }
  };
  for (let tried = 1; ; tried++) {
    if (around.signal.aborted) throw new LeaveError('the lane leaves');
    try {
      attempted = await around.patiently(attemptWithin);
      break;
    } catch (error) {
      // What fails because it was told to end says nothing about the record.
      if (error instanceof LeaveError || around.signal.aborted) throw new LeaveError('the lane leaves');
      if (error instanceof TransientError && tried < tries) {
        await pauseFor(retry.firstDelayMs * 4 ** (tried - 1), around.leave);
        continue;
      }
      const [only] = items;
      if (items.length === 1 && only) return [toVerdict(only, error)];
      return oneByOne(error instanceof TransientError ? 1 : tries);
    }
  }
  const verdicts: Verdict[] = [];
  for (const one of attempted) {
    if (one.kind !== 'again') {
      verdicts.push(one);
      continue;
    }
    verdicts.push(...(await judge(stage, [one.item], around, { ...options, triesLeft: Math.max(1, tries - 1) })));
    around.progressed();
  }
  return verdicts;

  /**
   * The statements for all of them have come to no end again and again. Where those for one record do, the ones that still do
   * not are at fault, and end.
   * @throws StatementUndoneError when none does: nobody is judged for what may be the state of Postgres; TransientError when
   *   that has lasted
   */
  async function attemptEach(undone: StatementUndoneError): Promise<Attempted[]> {
    // After minutes of it each is tried alone, as often as a record that came alone.
    const stop = () => (undoneCount < undoneTriesTogether ? undone : toUndone(undone));
    const [only] = items;
    if (items.length === 1 && only) {
      if (undoneCount < undoneTriesAlone) throw undone;
      return [toVerdict(only, toUndone(undone))];
    }
    const results: Attempted[] = [];
    const suspects: EventItem[] = [];
    // From either end by turns, so that some of them at one end do not hide the others.
    for (const item of undoneCount % 2 === 0 ? [...items].reverse() : items) {
      const result = await attemptOne(item);
      if (result) results.push(result);
      else suspects.push(item);
      if (results.length === 0 && suspects.length > maxUndoneFirst) throw stop();
    }
    if (results.length === 0) throw stop();
    // Once more, now that others have come to their end: until then it may have been Postgres.
    for (const item of suspects) results.push((await attemptOne(item)) ?? toVerdict(item, toUndone(undone)));
    return results;
  }

  /** @returns undefined when its statements come to no end */
  async function attemptOne(item: EventItem): Promise<Attempted | undefined> {
    if (around.signal.aborted) throw new LeaveError('the lane leaves');
    try {
      return (await attempt(stage, [item], around, options))[0];
    } catch (error) {
      if (error instanceof StatementUndoneError) return undefined;
      if (error instanceof DependencyError) throw error;
      return error instanceof TransientError ? { kind: 'again', item } : toVerdict(item, error);
    } finally {
      around.progressed();
    }
  }

  async function oneByOne(triesLeft: number): Promise<Verdict[]> {
    const verdicts: Verdict[] = [];
    let bugCount = 0;
    for (const item of items) {
      const [verdict] = await judge(stage, [item], around, { ...options, triesLeft });
      around.progressed();
      if (!verdict) continue;
      verdicts.push(verdict);
      bugCount = verdict.kind === 'bug' ? bugCount + 1 : 0;
      if (bugCount >= retry.bugsInARow) break;
    }
    return verdicts;
  }
}

type Writing = { publisher: Publisher; topics: Topics };

function attempt(
  stage: AnyStage,
  items: readonly EventItem[],
  around: Surroundings,
  writing: Writing,
): Promise<Attempted[]> {
  return stage.kind === 'sink' ? attemptSink(stage, items, around) : attemptTransform(stage, items, around, writing);
}

async function attemptTransform(
  stage: Extract<AnyStage, { kind: 'transform' }>,
  items: readonly EventItem[],
  around: Surroundings,
  { publisher, topics }: Writing,
): Promise<Attempted[]> {
  const facts = await stage.load(
    items.map((item) => item.incoming),
    around.signal,
  );
  const now = Date.now();
  return items.map((item) => {
    try {
      const { forward, outcomes } = stage.transform(item.incoming, facts, now);
      const { traceparent } = item.incoming;
      const records = [
        ...forward.map((out) => publisher.encode({ ...out, traceparent: out.traceparent ?? traceparent })),
        ...toOutcomeRecords(outcomes, traceparent, { publisher, topics }),
      ];
      return { kind: 'done', item, records, forwardedCount: forward.length, outcomes };
    } catch (error) {
      if (error instanceof DependencyError) throw error;
      if (!(error instanceof TransientError)) return toVerdict(item, error);
      if (items.length === 1) throw error;
      return { kind: 'again', item };
    }
  });
}

async function attemptSink(
  stage: Extract<AnyStage, { kind: 'sink' }>,
  items: readonly EventItem[],
  around: Surroundings,
): Promise<Verdict[]> {
  const { refused } = await stage.handle({
    incoming: items.map((item) => item.incoming),
    signal: around.signal,
    heartbeat: around.heartbeat,
  });
  const errors = new Map<unknown, Error>(refused.map(({ incoming, error }) => [incoming, error]));
  return items.map((item) => {
    const error = errors.get(item.incoming);
    return error ? toVerdict(item, error) : { kind: 'done', item, records: [], forwardedCount: 0, outcomes: [] };
  });
}

export function toOutcomeRecords(
  outcomes: readonly NotificationOutcome[],
  traceparent: string | undefined,
  { publisher, topics }: Writing,
): RawRecord[] {
  return outcomes.map((event) => publisher.encode({ topic: topics.outcomes, key: event.user_id, event, traceparent }));
}

function toUndone(error: StatementUndoneError): TransientError {
  const message = `its statements do not come to their end: ${describeError(error.cause)}`;
  return new TransientError('statement_undone', message, { cause: error });
}

function toVerdict(item: EventItem, error: unknown): Verdict {
  if (error instanceof PermanentError || error instanceof TransientError) return { kind: 'failed', item, error };
  return { kind: 'bug', item, error: error instanceof Error ? error : new Error(String(error)) };
}
