// Whether work on an input takes time in proportion to its size, in processor time of this thread: what the rest of the machine
// does, and what the work waits for, does not count.
import { heldUpAtMostMs, threadMs } from '../../support/processor-time.ts';

/** Generous: the slowest of what is measured so takes a hundredth of this. */
const msPerKb = 2;
/** What an input may take that has no size, where nothing else uses the machine: the strictest that holds. */
const floorAloneMs = 60;
/** A first try may meet a collection of garbage, or code that is not compiled yet. */
const tries = 3;
const hopelessMs = 1_000;

/**
 * Does the work; again when it took too long.
 * @param isAlone whether nothing else uses the machine
 * @returns what it gave, and what is wrong with the time it took even at its best
 */
export async function withinBudget<T>(
  isAlone: boolean,
  bytes: number,
  work: () => T | Promise<T>,
): Promise<{ value: T; fault?: string }> {
  const allowedMs = (isAlone ? floorAloneMs : heldUpAtMostMs) + (bytes / 1_024) * msPerKb;
  let bestMs = Number.POSITIVE_INFINITY;
  for (let tried = 1; ; tried++) {
    const beforeMs = threadMs();
    const value = await work();
    bestMs = Math.min(bestMs, threadMs() - beforeMs);
    if (bestMs <= allowedMs) return { value };
    // So slow is no collection of garbage; and to try again would take as long once more.
    if (tried === tries || bestMs > hopelessMs) {
      return {
        value,
        fault: `${bytes} bytes took ${Math.round(bestMs)} ms of processor time, ${Math.round(allowedMs)} may`,
      };
    }
  }
}
