// How an executor holds what it is about to send again, and what becomes of one that cannot be sent: it ends with its
// reason, and the others go on.
import { DependencyError } from '../../../lib/errors.ts';
import { kafkaErrorType } from '../../../lib/kafka/client.ts';
import { PageError } from '../page-error.ts';

/** Longer than reading and publishing some hundred records takes while Kafka still answers. */
export const leaseSeconds = 120;
/** A row that was taken so often and never ended has ended the process each time, or takes longer than a lease. */
const maxAttempts = 5;

export const spentWords = `it was tried ${maxAttempts} times and never came to an end`;

/** @param attempts this one counted */
export function isSpent({ attempts }: { attempts: number }): boolean {
  return attempts > maxAttempts;
}

/**
 * Does some work for all items at once; where that fails for a reason of one of them, for each alone.
 * @param fail notes why an item cannot be done
 * @throws what speaks of no item: an outside part is down, or too busy
 */
export async function isolateFailures<T>(
  items: readonly T[],
  work: (some: readonly T[]) => Promise<void>,
  fail: (item: T, error: unknown) => Promise<void> | void,
): Promise<void> {
  if (items.length === 0) return;
  try {
    await work(items);
  } catch (error) {
    if (isPassing(error)) throw error;
    const [only, ...others] = items;
    if (only !== undefined && others.length === 0) return fail(only, error);
    for (const item of items) await isolateFailures([item], work, fail);
  }
}

function isPassing(error: unknown): boolean {
  if (error instanceof PageError) return true;
  // Kafka answers; it has no such topic, and will have none for being asked again.
  return error instanceof DependencyError && kafkaErrorType(error) !== 'UNKNOWN_TOPIC_OR_PARTITION';
}
