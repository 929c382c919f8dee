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
  /** Publishes under way, by the order in which they began. */
  const running = new Map<number, { beganAtMs: number }>();
  let begun = 0;
  // What began before the newest success says nothing any more: kafkajs goes on trying for seconds after Kafka is back.
  let newestSuccess = 0;
  let newestFailure = 0;
  let probeAtMs = 0;
  return {
    isOpen() {
      const nowMs = now();
      const hangs = running
        .entries()
        .some(([order, { beganAtMs }]) => order > newestSuccess && nowMs - beganAtMs >= hangMs);
      if (newestFailure <= newestSuccess && !hangs) return false;
      if (nowMs < probeAtMs) return true;
      probeAtMs = nowMs + probeEveryMs;
      return false;
    },
    async watch(publish) {
      begun += 1;
      const order = begun;
      running.set(order, { beganAtMs: now() });
      try {
        await publish();
        newestSuccess = Math.max(newestSuccess, order);
      } catch (error) {
        if (error instanceof DependencyError) newestFailure = Math.max(newestFailure, order);
        throw error;
      } finally {
        running.delete(order);
      }
    },
  };
}
