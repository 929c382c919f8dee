// A service that starts while Kafka restarts waits for it, like one that runs.
import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import type { Publisher } from './publisher.ts';

const reconnectMs = 1_000;

/** @returns whether it is connected; false when the signal was aborted before */
export async function connectPatiently(
  publisher: Pick<Publisher, 'connect'>,
  logger: Pick<Logger, 'warn'>,
  signal: AbortSignal,
): Promise<boolean> {
  const { promise: aborted, resolve } = Promise.withResolvers<'aborted'>();
  signal.addEventListener('abort', () => resolve('aborted'), { once: true });
  while (!signal.aborted) {
    try {
      // A try against a broker that is frozen takes long, and nobody who leaves has to wait for it.
      return (await Promise.race([publisher.connect(), aborted])) !== 'aborted';
    } catch (error) {
      logger.warn({ err: error }, `waiting for kafka: ${describeError(error)}`);
      await delay(reconnectMs, undefined, { signal }).catch(() => undefined);
    }
  }
  return false;
}
