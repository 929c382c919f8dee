// Sees from inside how long the event loop of this thread is held up by its own work: what the processor does for others
// meanwhile does not count, so a busy machine looks no worse than a quiet one.
import { threadMs } from '../processor-time.ts';

export interface LoopWatch {
  /** @returns the longest work at a stretch between these times of performance.timeOrigin + performance.now() */
  longestMs(fromMs: number, toMs: number): number;
  stop(): void;
}

interface Stretch {
  fromMs: number;
  toMs: number;
  workMs: number;
}

const everyMs = 5;
/** Shorter ones are not kept. */
const keptMs = 20;
const clockMs = () => performance.timeOrigin + performance.now();

export function watchLoop(): LoopWatch {
  const stretches: Stretch[] = [];
  let fromMs = clockMs();
  let workedMs = threadMs();
  const look = () => {
    const toMs = clockMs();
    const nowMs = threadMs();
    if (nowMs - workedMs >= keptMs) stretches.push({ fromMs, toMs, workMs: nowMs - workedMs });
    fromMs = toMs;
    workedMs = nowMs;
  };
  const timer = setInterval(look, everyMs);
  return {
    longestMs(from, to) {
      // The last stretch may not be over yet.
      look();
      const within = stretches.filter((stretch) => stretch.fromMs <= to && stretch.toMs >= from);
      return within.reduce((most, { workMs }) => Math.max(most, workMs), 0);
    },
    stop: () => clearInterval(timer),
  };
}
