// Does what people want sent again, in the admin service: dead letters, and deliveries without one. The pages and the CLI
// only write down what is wanted.
import { setTimeout as delay } from 'node:timers/promises';
import { DependencyError, describeError } from '../../../lib/errors.ts';
import type { Logger } from '../../../lib/logger.ts';
import { redriveDeliveries } from './redrive-deliveries.ts';
import { type RedriveParts, redriveLetters } from './redrive-letters.ts';

const idleMs = 500;
const downMs = 2_000;
const faultMs = 10_000;

/** To be started when Kafka and Postgres are set up. */
export function startRedriveExecutor(parts: RedriveParts & { logger: Logger }): { stop(): Promise<void> } {
  const { logger } = parts;
  const stopping = new AbortController();
  const { signal } = stopping;

  /** @returns how long to rest */
  async function step(): Promise<number> {
    try {
      const count = (await redriveLetters(parts)) + (await redriveDeliveries(parts));
      if (count > 0) logger.info({ count }, 'sent again');
      return count > 0 ? 0 : idleMs;
    } catch (error) {
      if (error instanceof DependencyError) {
        logger.warn({ err: error }, `what is wanted again waits: ${describeError(error)}`);
        return downMs;
      }
      logger.error({ err: error }, `what is wanted again cannot be done: ${describeError(error)}`);
      return faultMs;
    }
  }

  async function run(): Promise<void> {
    while (!signal.aborted) {
      const restMs = await step();
      if (restMs > 0) await delay(restMs, undefined, { signal }).catch(() => undefined);
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
