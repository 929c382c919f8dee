// Looks, for all lanes of the process, whether a pause has ended or something was cancelled, so that what waits of it does
// not wait on. The waiting loops do the rest.
import { setTimeout as delay } from 'node:timers/promises';
import { DependencyError, describeError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import { wakeCount } from './ledger/holds.ts';
import type { Ledger } from './ledger.ts';

export function startWakeLoop(options: {
  ledger: Pick<Ledger, 'wake'>;
  logger: Logger;
  /** Something is due now that was not. */
  onWoken(): void;
  everyMs?: number;
}): { stop(): Promise<void> } {
  const { ledger, logger, onWoken, everyMs = 1_000 } = options;
  const stopping = new AbortController();
  const { signal } = stopping;

  async function run(): Promise<void> {
    let since: string | undefined;
    while (!signal.aborted) {
      let pauseMs = everyMs;
      try {
        const { count, at } = await ledger.wake(since);
        if (count > 0) onWoken();
        // After a full batch there may be more of what is older than this look.
        if (count >= wakeCount) pauseMs = 0;
        else since = at;
      } catch (error) {
        if (!(error instanceof DependencyError)) {
          logger.error({ err: error }, `what was paused or cancelled cannot be looked at: ${describeError(error)}`);
        }
        pauseMs = 5 * everyMs;
      }
      if (pauseMs > 0) await delay(pauseMs, undefined, { signal }).catch(() => undefined);
    }
  }

  const running = run();
  return {
    async stop() {
      stopping.abort();
      await running;
    },
  };
}
