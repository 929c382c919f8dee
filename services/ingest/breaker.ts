// Keeps callers from queueing behind a Kafka that is down: they are refused at once, and one try a second finds out when
// it is over.
import { DependencyError } from '../../lib/errors.ts';

export interface Breaker {
  isOpen(): boolean;
  /** Does one publish and remembers how it went. */
  watch(publish: () => Promise<void>): Promise<void>;
}

const probeEveryMs = 1_000;

/** @param hangMs a publish that takes longer counts as failed, before it has ended */
export function createBreaker(hangMs: number, now: () => number = Date.now): Breaker {
  const beganAtMs = new Set<{ ms: number }>();
  let failed = false;
  let probeAtMs = 0;
  return {
    isOpen() {
      const nowMs = now();
      const hangs = [...beganAtMs].some(({ ms }) => nowMs - ms >= hangMs);
      if (!failed && !hangs) return false;
      if (nowMs < probeAtMs) return true;
      probeAtMs = nowMs + probeEveryMs;
      return false;
    },
    async watch(publish) {
      const began = { ms: now() };
      beganAtMs.add(began);
      try {
        await publish();
        failed = false;
      } catch (error) {
        if (error instanceof DependencyError) failed = true;
        throw error;
      } finally {
        beganAtMs.delete(began);
      }
    },
  };
}
