// What work costs in processor time of its own thread. Waiting does not count, nor do other processes, nor the threads that
// collect garbage and compile. So a busy machine changes little; how fast something is, bench/ measures.

/** One piece of work may hold up the others of its thread as long as /healthz may take. */
export const heldUpAtMostMs = 200;
const tries = 3;

/** Since the thread began. */
export function threadMs(): number {
  // Node before 23.9 knows only the whole process.
  const { user, system } = process.threadCpuUsage ? process.threadCpuUsage() : process.cpuUsage();
  return (user + system) / 1_000;
}

/** @returns the least of three tries: the first may meet code that is not compiled yet, any of them a collection of garbage */
export async function leastThreadMs(work: () => unknown): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let tried = 0; tried < tries; tried++) {
    const beforeMs = threadMs();
    await work();
    least = Math.min(least, threadMs() - beforeMs);
  }
  return least;
}

const pieceCount = 16;
/** Less than this is not measured well enough to be compared. */
const leastComparedMs = 10;

/**
 * How many times as much a large input costs as sixteen pieces of it do: about 1 where the time is in proportion to the size,
 * about 16 where it grows with the square. 4 and more is too much.
 * @param work on an input of that size
 */
export async function excessOfSize(size: number, work: (size: number) => unknown): Promise<number> {
  const pieces = await leastThreadMs(() => {
    for (let piece = 0; piece < pieceCount; piece++) work(Math.ceil(size / pieceCount));
  });
  const whole = await leastThreadMs(() => work(size));
  return whole / Math.max(pieces, leastComparedMs);
}
