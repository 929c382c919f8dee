// Carries replays out, one at a time in a process, under a lease: when this process dies, another goes on from the cursor.
import { setTimeout as sleep } from 'node:timers/promises';
import { DependencyError, describeError } from '../../../lib/errors.ts';
import type { Kafka } from '../../../lib/kafka/client.ts';
import type { Logger } from '../../../lib/logger.ts';
import type { KeptAdmin } from '../kafka/kept-admin.ts';
import { createRecordReader } from '../kafka/record-reader.ts';
import { claimReplay, leaveReplay, renewReplay } from '../queries/replays.ts';
import { type ReplayParts, runReplay } from './replay-run.ts';
import type { Replay } from './replay-types.ts';

export interface ReplayRunner {
  stop(): Promise<void>;
}

const lookEveryMs = 1_000;
const againAfterMs = 2_000;

export function startReplayRunner(
  options: Omit<ReplayParts, 'reader'> & {
    kafka: Kafka;
    kafkaAdmin: KeptAdmin;
    logger: Logger;
    /** KAFKA_TOPIC_PREFIX. */
    prefix: string;
    leaseMs?: number;
  },
): ReplayRunner {
  const { db, kafka, kafkaAdmin, topics, logger, prefix, leaseMs = 12_000 } = options;
  // Its own consumer and group: it commits nothing, and the stages know nothing of it.
  const reader = createRecordReader({ kafka, admin: kafkaAdmin, topics, prefix });
  const stopping = new AbortController();

  async function drive(replay: Replay): Promise<void> {
    const { replayId } = replay;
    const leave = new AbortController();
    const signal = AbortSignal.any([leave.signal, stopping.signal]);
    const renewing = renew(replay, leave, signal);
    logger.info({ replayId, topic: replay.topic, mode: replay.mode, epoch: replay.epoch }, 'replaying');
    try {
      const isDone = await runReplay({ ...options, reader }, replay, signal);
      await leaveReplay(db, replay, { state: isDone ? 'done' : 'running', detail: '' });
      logger.info({ replayId }, isDone ? 'replayed' : 'left a replay');
    } catch (error) {
      const isDown = error instanceof DependencyError;
      if (!isDown) logger.error({ err: error, replayId }, 'a replay failed');
      const detail = describeError(error);
      await leaveReplay(db, replay, isDown ? { state: 'running', detail } : { state: 'failed', detail });
      if (isDown) throw error;
    } finally {
      leave.abort();
      await renewing;
    }
  }

  async function renew(replay: Replay, leave: AbortController, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(leaseMs / 6, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      // While Postgres does not answer it goes on: another may take it over meanwhile, and our saving is void then.
      const state = await renewReplay(db, replay, leaseMs).catch(() => 'running' as const);
      if (state !== 'running') leave.abort();
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      let waitMs = lookEveryMs;
      try {
        const replay = await claimReplay(db, leaseMs);
        if (replay) {
          waitMs = 0;
          await drive(replay);
        }
      } catch (error) {
        waitMs = againAfterMs;
        if (error instanceof DependencyError) logger.warn({ err: error }, 'a replay waits');
        else logger.error({ err: error }, 'a bug: replays are looked at again in a moment');
      }
      await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }
  const running = run();

  return {
    async stop() {
      stopping.abort();
      await running;
      await reader.stop();
    },
  };
}
