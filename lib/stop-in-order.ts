// The end of a process, step by step: what came last goes first, and nothing that does not answer holds up the rest.
import type { Logger } from './logger.ts';

export interface StopStep {
  what: string;
  stop: () => unknown;
  /** So long at most; without it, all the time that is left. */
  limitMs?: number;
}

/** Less than lib/lifecycle.ts gives a process, which is less than what supervisors wait before they kill. */
const wholeLimitMs = 12_000;
/** A step is always tried, for what can be closed at once. */
const leastMs = 300;

/**
 * Nothing is lost by what is left behind: what it had in hand is a claim or a lease, and both run out.
 * @throws the first error of a step, after all steps were tried
 */
export async function stopInOrder(
  steps: readonly StopStep[],
  logger: Pick<Logger, 'warn'>,
  limitMs: number = wholeLimitMs,
): Promise<void> {
  const deadline = performance.now() + limitMs;
  const errors: unknown[] = [];
  for (const { what, stop, limitMs: ownMs = limitMs } of steps) {
    const leftMs = Math.max(Math.min(leastMs, ownMs), Math.min(ownMs, deadline - performance.now()));
    const { promise: tooLong, resolve: giveUp } = Promise.withResolvers<'too long'>();
    const timer = setTimeout(giveUp, leftMs, 'too long');
    try {
      const result = await Promise.race([Promise.resolve(stop()), tooLong]);
      if (result === 'too long') logger.warn(`${what} did not end within ${Math.round(leftMs)} ms and is left behind`);
    } catch (error) {
      errors.push(error);
    } finally {
      clearTimeout(timer);
    }
  }
  if (errors.length > 0) throw errors[0];
}
