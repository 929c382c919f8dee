// How long the launcher waits before it starts a dead service again.
const firstDelayMs = 500;
const longestDelayMs = 10_000;
/** A process that lived this long was well; what killed it now is a new story. */
const wellAfterMs = 30_000;

/**
 * @param previousMs the delay before the start that has just ended, undefined for the first death
 * @param livedMs how long the process lived
 */
export function restartDelayMs(previousMs: number | undefined, livedMs: number): number {
  if (previousMs === undefined || livedMs >= wellAfterMs) return firstDelayMs;
  return Math.min(previousMs * 2, longestDelayMs);
}
