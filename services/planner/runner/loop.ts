// Repeats a piece of work until it is told to stop. Whatever goes wrong, it goes on after a pause, and says so: an outside
// part that is down in the log and to whoever asks /readyz, a bug as an error.
import { DependencyError } from '../../../lib/errors.ts';
import { type LaneStatus, LeaveError, pauseFor } from '../../../lib/kafka/lane-status.ts';
import type { Logger } from '../../../lib/logger.ts';

export interface Loop {
  /** The last round ended with a bug. */
  hasBug(): boolean;
  /** Resolves when the round under way has ended. */
  ended: Promise<void>;
}

interface Options {
  name: string;
  everyMs: number;
  /** @returns whether there is more to do at once */
  work: () => Promise<boolean>;
  status: LaneStatus;
  logger: Logger;
  signal: AbortSignal;
}

const firstRetryMs = 500;
const longestRetryMs = 10_000;

export function startLoop({ name, everyMs, work, status, logger, signal }: Options): Loop {
  const who = {};
  let bug = false;

  async function run(): Promise<void> {
    for (let retryMs = firstRetryMs; !signal.aborted; ) {
      let delayMs = everyMs;
      try {
        delayMs = (await work()) ? 0 : everyMs;
        status.resumed(who);
        bug = false;
        retryMs = firstRetryMs;
      } catch (error) {
        if (error instanceof DependencyError) {
          status.waits(who, error);
        } else {
          bug = true;
          logger.error({ err: error, loop: name }, 'a bug: the mailing runner goes on after a pause');
        }
        delayMs = retryMs;
        retryMs = Math.min(retryMs * 2, longestRetryMs);
      }
      if (delayMs > 0) await pauseFor(delayMs, signal);
    }
  }

  const ended = run().catch((error: unknown) => {
    if (!(error instanceof LeaveError)) throw error;
  });
  return { hasBug: () => bug, ended };
}
