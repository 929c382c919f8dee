// Looks at something again and again for gauges that nothing in the process moves by itself, such as rows in a table.
import { setTimeout as delay } from 'node:timers/promises';
import { DependencyError, describeError } from './errors.ts';
import type { Logger } from './logger.ts';

export interface Sampling {
  /** A look that is under way goes on unheard: nobody waits for a number when the process ends. */
  stop(): void;
}

const defaultEveryMs = 20_000;

/**
 * A look that fails is told and made again. What it left in its gauges is its own business: better none than an old one.
 *
 * @param what begins the sentence in the log, such as `the rows that wait`
 */
export function startSampling(options: {
  what: string;
  look: () => Promise<void>;
  logger: Logger;
  everyMs?: number;
}): Sampling {
  const { what, look, logger, everyMs = defaultEveryMs } = options;
  const stopping = new AbortController();
  const { signal } = stopping;

  async function run(): Promise<void> {
    while (!signal.aborted) {
      try {
        await look();
      } catch (error) {
        const level = error instanceof DependencyError ? 'debug' : 'warn';
        if (!signal.aborted) logger[level]({ err: error }, `${what} could not be counted: ${describeError(error)}`);
      }
      await delay(everyMs, undefined, { signal }).catch(() => undefined);
    }
  }

  void run();
  return { stop: () => stopping.abort() };
}
