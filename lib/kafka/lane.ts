// The loop of a lane: what Kafka hands over is cut into slices, and every slice is decoded, judged, written and only
// then committed. Offsets move over finished work alone.
import { performance } from 'node:perf_hooks';
import { describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { StageMetrics } from '../metrics.ts';
import type { Topics } from '../topics.ts';
import { type BatchScope, createBatchScope } from './batch-scope.ts';
import type { EachBatchPayload } from './client.ts';
import type { Codec } from './codec.ts';
import { type HeldBug, HeldBugs } from './held-bugs.ts';
import { createItemReader, type Item, type SliceLimits } from './items.ts';
import { judge, type RetryLimits, type Verdict } from './judge.ts';
import { type LaneStatus, LeaveError } from './lane-status.ts';
import type { Publisher } from './publisher.ts';
import type { AnyStage } from './stage.ts';
import { createVerdictWriter, type Written } from './write-verdicts.ts';

export interface LaneOptions {
  stage: AnyStage;
  codec: Codec;
  publisher: Publisher;
  topics: Topics;
  logger: Logger;
  metrics: StageMetrics;
  status: LaneStatus;
  slice: SliceLimits;
  retry: RetryLimits;
}

/** So many records in a row met a bug that the release is bad: the process must end, and nothing of them is committed. */
export class BugsInARowError extends Error {}

export interface Lane {
  /**
   * Works through one batch of one partition. What it throws is kafkajs's own (a rebalance, a commit that failed), for
   * kafkajs to act on; or BugsInARowError, or another Error that is a bug of the runtime: then the process must end.
   */
  work(payload: EachBatchPayload): Promise<void>;
  /** Nothing more came for a while: what is held goes to the dead letters, and is committed by `commit`. */
  releaseHeld(commit: (partitions: CommitPoint[]) => Promise<void>): Promise<void>;
  /** The partitions were given out anew. */
  rejoined(): void;
  /** Work that is under way ends soon; batches that still come are left alone. */
  stop(): void;
  /** Also offsets without records for us, such as aborted transactions, are passed. */
  passed(partition: number, lastOffset: string): void;
  readonly isBusy: boolean;
  readonly holdsBugs: boolean;
  /** By partition: the offset of the next record to work on. */
  readonly positions: ReadonlyMap<number, bigint>;
  /** The same of all partitions that ever were ours. */
  readonly reached: ReadonlyMap<number, bigint>;
  /** When a slice was last finished, or anything came, in milliseconds since 1970 UTC. */
  readonly activeAt: number;
}

export interface CommitPoint {
  partition: number;
  offset: string;
}

export function createLane(options: LaneOptions): Lane {
  const { stage, status, metrics, logger, retry } = options;
  const reader = createItemReader(options);
  const writer = createVerdictWriter(options);
  const bugs = new HeldBugs();
  const scopes = new Set<BatchScope>();
  const positions = new Map<number, bigint>();
  const reached = new Map<number, bigint>();
  let stopping = false;
  let activeAt = Date.now();

  async function work(payload: EachBatchPayload): Promise<void> {
    if (stopping) return;
    activeAt = Date.now();
    const scope = createBatchScope(payload, status, () => {
      activeAt = Date.now();
    });
    scopes.add(scope);
    try {
      const { topic, partition, messages } = payload.batch;
      for (let next = 0; next < messages.length && !scope.leave.aborted && !payload.isStale(); ) {
        const items = await reader.readSlice({ topic, partition, messages }, next, scope);
        await workSlice(payload, items, scope);
        next += items.length;
      }
    } catch (error) {
      if (!(error instanceof LeaveError)) throw error;
    } finally {
      scopes.delete(scope);
      scope.end();
    }
    if (scope.membershipError) throw scope.membershipError;
  }

  async function workSlice(payload: EachBatchPayload, items: readonly Item[], scope: BatchScope): Promise<void> {
    const startedAt = performance.now();
    const { topic, partition, highWatermark } = payload.batch;
    const last = items.at(-1);
    if (!last) return;
    metrics.consumed(items.length);
    const verdicts = await judgeItems(items, scope);
    const released: HeldBug[] = [];
    try {
      const written = verdicts.flatMap((verdict) => settle(verdict, { topic, partition }, released));
      await writer.write([...released.map((bug) => bug.putAside()), ...written], scope.patiently);
    } catch (error) {
      bugs.keep(released);
      throw error;
    }
    bugs.letGo(released);
    passed(partition, last.message.offset);
    const touched = new Set([partition, ...released.map((bug) => bug.partition)]);
    await payload.commitOffsetsIfNecessary({ topics: [{ topic, partitions: commitPoints(touched) }] });
    payload.resolveOffset(last.message.offset);
    activeAt = Date.now();
    metrics.lag(partition, Number(BigInt(highWatermark) - BigInt(last.message.offset) - 1n));
    metrics.batchSeconds((performance.now() - startedAt) / 1000);
  }

  /** Verdicts in the order of the records; fewer of them only when bugs in a row end the lane anyway. */
  async function judgeItems(items: readonly Item[], scope: BatchScope): Promise<Verdict[]> {
    const events = items.filter((item) => item.kind === 'event');
    const judged = events.length === 0 ? [] : await judge(stage, events, scope, options);
    const byItem = new Map<Item, Verdict>(judged.map((verdict) => [verdict.item, verdict]));
    return items.flatMap((item): Verdict[] => {
      if (item.kind === 'unreadable') return [{ kind: 'failed', item, error: item.error }];
      if (item.kind === 'tombstone') return [{ kind: 'passed over', item }];
      const verdict = byItem.get(item);
      return verdict ? [verdict] : [];
    });
  }

  /** @throws BugsInARowError */
  function settle(verdict: Verdict, where: { topic: string; partition: number }, released: HeldBug[]): Written[] {
    const { partition } = where;
    const located = { ...where, message: verdict.item.message };
    switch (verdict.kind) {
      case 'done':
        bugs.succeeded(partition, located.message.offset);
        if (!bugs.isEmpty) released.push(...bugs.take());
        return [writer.forDone(verdict, located)];
      case 'failed':
        return [writer.forPutAside(verdict.item, verdict.error, located)];
      case 'passed over':
        metrics.tombstone();
        return [];
      case 'bug': {
        const { offset } = located.message;
        logger.error({ err: verdict.error, ...where, offset }, 'a bug: the record is held back');
        bugs.hold({ partition, offset, putAside: () => writer.forPutAside(verdict.item, verdict.error, located) });
        if (bugs.inARow < retry.bugsInARow) return [];
        const message = `${bugs.inARow} records in a row met a bug, the last one: ${describeError(verdict.error)}`;
        throw new BugsInARowError(message, { cause: verdict.error });
      }
    }
  }

  async function releaseHeld(commit: (partitions: CommitPoint[]) => Promise<void>): Promise<void> {
    const released = bugs.take();
    if (released.length === 0) return;
    try {
      await writer.write(
        released.map((bug) => bug.putAside()),
        (work) => work(),
      );
    } catch (error) {
      bugs.keep(released);
      throw error;
    }
    bugs.letGo(released);
    await commit(commitPoints(new Set(released.map(({ partition }) => partition))));
  }

  function commitPoints(partitions: ReadonlySet<number>): CommitPoint[] {
    return [...partitions].flatMap((partition) => {
      const position = positions.get(partition);
      return position === undefined ? [] : [{ partition, offset: String(bugs.commitPoint(partition, position)) }];
    });
  }

  function passed(partition: number, lastOffset: string): void {
    positions.set(partition, BigInt(lastOffset) + 1n);
    reached.set(partition, BigInt(lastOffset) + 1n);
  }

  return {
    work,
    releaseHeld,
    rejoined() {
      bugs.forgetAll();
      positions.clear();
    },
    stop() {
      stopping = true;
      for (const scope of scopes) scope.abort();
    },
    passed,
    get isBusy() {
      return scopes.size > 0;
    },
    get holdsBugs() {
      return !bugs.isEmpty;
    },
    positions,
    reached,
    get activeAt() {
      return activeAt;
    },
  };
}
