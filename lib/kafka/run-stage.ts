// Drives one stage over one lane: decode → load → transform → encode → one acknowledged produce → commit. This file keeps
// the consumer alive and knows when it cannot be; the loop is in lane.ts, what becomes of a record in judge.ts.
import { type Dependency, DependencyError, describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { StageMetrics } from '../metrics.ts';
import type { Topics } from '../topics.ts';
import { type EachBatchPayload, isKafkaError, type Kafka } from './client.ts';
import type { Codec } from './codec.ts';
import { toKafkaDown } from './kafka-down.ts';
import { createLane } from './lane.ts';
import { type LaneState, LaneStatus, LeaveError } from './lane-status.ts';
import { startLaneWatch } from './lane-watch.ts';
import { watchLostOffsets } from './lost-offsets.ts';
import type { Publisher } from './publisher.ts';
import type { AnyStage } from './stage.ts';
import { within } from './within.ts';

export interface StageRuntime {
  kafka: Kafka;
  /** Prepared. */
  codec: Codec;
  /** Connected. */
  publisher: Publisher;
  topics: Topics;
  /** Bound to the lane, and so are the metrics. */
  logger: Logger;
  metrics: StageMetrics;
  /** The lane cannot go on: the process has to end with an error, for its supervisor to start a new one. Called once. */
  onFatal(error: Error): void;
  /** Partitions worked on at the same time. */
  concurrency?: number;
  limits?: Partial<StageLimits>;
}

export interface StageLimits {
  /** People in a slice. */
  maxPeople: number;
  /** Bytes of the values in a slice. */
  maxBytes: number;
  /** Tries of what fails with TransientError; the first wait, each further one four times as long. */
  tries: number;
  firstDelayMs: number;
  /** Bugs in a row that end the process. */
  bugsInARow: number;
  /** Without further records for so long, held bugs go to the dead letters. */
  quietMs: number;
  /** How often lag is measured, and how long a lane with lag may stand still. */
  watchEveryMs: number;
  stuckAfterMs: number;
}

const defaultLimits: StageLimits = {
  maxPeople: 500,
  maxBytes: 512 * 1024,
  tries: 3,
  firstDelayMs: 200,
  bugsInARow: 10,
  quietMs: 5_000,
  watchEveryMs: 15_000,
  stuckAfterMs: 60_000,
};

/** Longer than a slice; a broker that does not answer must not hold up the end of the process. */
const stopLimitMs = 8_000;

export interface RunningStage {
  readonly stage: AnyStage;
  /** Ends what is under way, commits what is finished and leaves the group. */
  stop(): Promise<void>;
  state(): LaneState;
  /** The outside part that is down for this lane, for /readyz. */
  waitingFor(): Dependency | undefined;
}

/** Starts in the background: it waits for Kafka and for its topic by itself. */
export function startStage(stage: AnyStage, runtime: StageRuntime): RunningStage {
  const { kafka, logger, metrics, concurrency = 1 } = runtime;
  const { input, group } = stage.lane;
  const limits = { ...defaultLimits, ...runtime.limits };
  const status = new LaneStatus(logger);
  const slice = { ...limits, maxPeople: Math.min(limits.maxPeople, stage.maxPeople ?? limits.maxPeople) };
  const lane = createLane({ ...runtime, stage, status, slice, retry: limits });
  const watch = startLaneWatch({
    kafka,
    topic: input.name,
    group,
    lane,
    status,
    metrics,
    everyMs: limits.watchEveryMs,
    stuckAfterMs: Math.max(limits.stuckAfterMs, 2 * (stage.answerWithinMs ?? 0)),
    onStuck: fail,
  });
  const consumer = kafka.consumer({
    groupId: group,
    allowAutoTopicCreation: false,
    // So long the partitions of a process that was killed, or that Kafka lost in a restart of its own, stand still.
    sessionTimeout: 15_000,
    rebalanceTimeout: 30_000,
    heartbeatInterval: 3_000,
    // A record is handed over as it comes; without any, stopping waits for the fetch that is under way.
    minBytes: 1,
    maxWaitTimeInMs: 1_000,
    // A slice's worth per partition; a single larger record comes all the same.
    maxBytesPerPartition: 512 * 1024,
    maxBytes: 2 * 1024 * 1024,
  });
  const stopping = new AbortController();
  let memberId = '';
  const member = { isOurs: (id: string) => id === memberId, reached: (at: number) => lane.reached.get(at) };
  const stopWatchingLost = watchLostOffsets(group, member, { logger, metrics });
  let failed = false;
  let quietTimer: NodeJS.Timeout | undefined;

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    // kafkajs may join once more when it is stopped in the middle of a restart of its own.
    if (stopping.signal.aborted) return void consumer.disconnect().catch(() => {});
    memberId = payload.memberId;
    const partitions = payload.memberAssignment[input.name] ?? [];
    logger.info({ partitions }, 'joined the group');
    lane.rejoined();
    watch.assigned(partitions);
    status.joined();
  });
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    if (payload.batchSize === 0) lane.passed(payload.partition, payload.lastOffset);
  });
  consumer.on(consumer.events.CRASH, ({ payload: { error, restart } }) => {
    if (restart) status.waits(status, new DependencyError('kafka', describeError(error), { cause: error }));
    else fail(error);
  });

  async function start(): Promise<void> {
    await status.patiently(async () => {
      try {
        await consumer.connect();
        // Without it an offset that retention has passed jumps to the end: what is left would be skipped as well.
        await consumer.subscribe({ topics: [input.name], fromBeginning: true });
      } catch (cause) {
        throw toKafkaDown(cause, `${input.name} cannot be read`);
      }
    }, stopping.signal);
    if (stopping.signal.aborted) return;
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: concurrency,
      eachBatch: handle,
    });
  }

  // kafkajs stops a consumer for good when its handler throws a TypeError, and repeats the batch for ever on most other
  // errors: only kafkajs's own may come out of here.
  async function handle(payload: EachBatchPayload): Promise<void> {
    if (failed) return void payload.pause();
    try {
      await lane.work(payload);
    } catch (error) {
      if (isKafkaError(error)) throw error;
      payload.pause();
      fail(error as Error);
    }
    releaseWhenQuiet();
  }

  function releaseWhenQuiet(): void {
    clearTimeout(quietTimer);
    if (!lane.holdsBugs || failed || stopping.signal.aborted) return;
    quietTimer = setTimeout(async () => {
      try {
        if (!lane.isBusy) await lane.releaseHeld((points) => consumer.commitOffsets(points.map(withTopic)));
      } catch (error) {
        logger.warn(`held records cannot be put aside yet: ${describeError(error)}`);
      }
      releaseWhenQuiet();
    }, limits.quietMs);
  }

  function withTopic<T>(point: T): T & { topic: string } {
    return { ...point, topic: input.name };
  }

  function fail(error: Error): void {
    if (failed || stopping.signal.aborted) return;
    failed = true;
    lane.stop();
    watch.stop();
    clearTimeout(quietTimer);
    status.stopped();
    logger.fatal({ err: error }, `the lane cannot go on: ${describeError(error)}`);
    runtime.onFatal(error);
  }

  const started = start().catch((error) => {
    if (!(error instanceof LeaveError)) fail(error);
  });

  return {
    stage,
    async stop() {
      stopping.abort();
      lane.stop();
      watch.stop();
      clearTimeout(quietTimer);
      try {
        await within(
          stopLimitMs,
          started.then(() => consumer.disconnect()),
        );
      } catch (error) {
        logger.warn(`left without goodbye to Kafka: ${describeError(error)}`);
      }
      stopWatchingLost();
      status.stopped();
    },
    state: () => status.state,
    waitingFor: () => status.waitingFor,
  };
}
