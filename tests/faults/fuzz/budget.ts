// Whether work on an input takes time in proportion to its size: measured as processor time of this process, so that other
// work on the machine does not count.

const basicMs = 60;
/** Generous: the slowest of what is measured so takes a hundredth of this. */
const msPerKb = 2;
/** A first try may meet a collection of garbage, or code that is not compiled yet. */
const tries = 3;
const hopelessMs = 1_000;

/**
 * Does the work; again when it took too long.
 * @returns what it gave, and what is wrong with the time it took even at its best
 */
export async function withinBudget<T>(
  bytes: number,
  work: () => T | Promise<T>,
): Promise<{ value: T; fault?: string }> {
  const allowedMs = basicMs + (bytes / 1_024) * msPerKb;
  let bestMs = Number.POSITIVE_INFINITY;
  for (let tried = 1; ; tried++) {
    const before = process.cpuUsage();
    const value = await work();
    const { user, system } = process.cpuUsage(before);
    bestMs = Math.min(bestMs, (user + system) / 1_000);
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
