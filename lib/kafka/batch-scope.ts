// What surrounds the work on one batch: it heartbeats beside it, and tells it when to end because the lane stops, the
// group rebalances or the membership is lost. kafkajs has no callback for that; a heartbeat's answer is the only word.
import { type EachBatchPayload, kafkaErrorType } from './client.ts';
import type { Surroundings } from './judge.ts';
import type { LaneStatus } from './lane-status.ts';

export interface BatchScope extends Surroundings {
  /** Why the group has to be joined again; to be thrown to kafkajs, which does it. */
  readonly membershipError: Error | undefined;
  /** The lane stops: waiting ends, and long work is asked to. */
  abort(): void;
  end(): void;
}

/** Well under the interval at which kafkajs really sends one (3 s). */
const beatEveryMs = 1_000;
const lostTypes = new Set(['UNKNOWN_MEMBER_ID', 'ILLEGAL_GENERATION', 'FENCED_INSTANCE_ID']);

/** @param progressed called whenever the work shows that it goes on */
export function createBatchScope(payload: EachBatchPayload, status: LaneStatus, progressed: () => void): BatchScope {
  const gone = new AbortController();
  const leaving = new AbortController();
  let membershipError: Error | undefined;

  async function heartbeat(): Promise<void> {
    try {
      await payload.heartbeat();
    } catch (error) {
      const type = kafkaErrorType(error);
      // Kafka itself being down is met, and waited out, where records are written.
      if (type !== 'REBALANCE_IN_PROGRESS' && !lostTypes.has(type)) return;
      membershipError ??= error as Error;
      leaving.abort();
      if (lostTypes.has(type)) gone.abort();
    }
  }

  const timer = setInterval(() => void heartbeat(), beatEveryMs);
  return {
    signal: gone.signal,
    leave: leaving.signal,
    progressed,
    heartbeat() {
      progressed();
      return heartbeat();
    },
    patiently: (work) => status.patiently(work, leaving.signal),
    get membershipError() {
      return membershipError;
    },
    abort() {
      leaving.abort();
      gone.abort();
    },
    end: () => clearInterval(timer),
  };
}
