// What a lane is doing, for /readyz and the log; and the one way to wait for an outside part that is down.
import { setTimeout as sleep } from 'node:timers/promises';
import { type Dependency, DependencyError, describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';

export type LaneState = 'starting' | 'running' | 'paused' | 'stopped';

/** Thrown out of a wait, or of work, that the lane may not go on with: it stops, or its partitions move elsewhere. */
export class LeaveError extends Error {}

const firstDelayMs = 200;
/** Between two tries of what is down. */
export const longestDelayMs = 5_000;
/** Shorter waits, such as for a group whose coordinator is still loading, are no news to anybody. */
const newsAfterMs = 1_000;

export class LaneStatus {
  #joined = false;
  #stopped = false;
  #triedAtMs = 0;
  readonly #waits = new Map<object, { dependency: Dependency; sinceMs: number }>();
  #told: Dependency | undefined;
  #news: NodeJS.Timeout | undefined;
  readonly #logger: Logger;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get state(): LaneState {
    if (this.#stopped) return 'stopped';
    if (this.#waits.size > 0) return 'paused';
    return this.#joined ? 'running' : 'starting';
  }

  /** When an outside part was last found to be down, milliseconds since 1970 UTC. */
  get triedAtMs(): number {
    return this.#triedAtMs;
  }

  get waitingFor(): Dependency | undefined {
    for (const { dependency } of this.#waits.values()) return dependency;
    return undefined;
  }

  joined(): void {
    this.#joined = true;
    this.resumed(this);
  }

  stopped(): void {
    this.#stopped = true;
    this.#waits.clear();
    clearTimeout(this.#news);
  }

  /** @param who one of several that may wait at the same time: partitions, or the consumer itself */
  waits(who: object, error: DependencyError): void {
    const { dependency } = error;
    this.#triedAtMs = Date.now();
    if (this.#stopped || this.#waits.get(who)?.dependency === dependency) return;
    this.#waits.set(who, { dependency, sinceMs: Date.now() });
    if (this.#told === dependency) return;
    clearTimeout(this.#news);
    this.#news = setTimeout(() => {
      this.#told = dependency;
      this.#logger.warn(`waiting for ${dependency}: ${describeError(error)}`);
    }, newsAfterMs);
  }

  resumed(who: object): void {
    const wait = this.#waits.get(who);
    this.#waits.delete(who);
    if (!wait || this.#waits.size > 0) return;
    clearTimeout(this.#news);
    if (this.#told !== undefined) {
      this.#told = undefined;
      const seconds = ((Date.now() - wait.sinceMs) / 1000).toFixed(1);
      this.#logger.info(`${wait.dependency} is back after ${seconds} s`);
    }
  }

  /**
   * Repeats the work for as long as an outside part is down for it, 0.2 s to 5 s apart.
   * @throws LeaveError when the signal ends the wait; whatever else the work throws
   */
  async patiently<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const who = {};
    try {
      for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, longestDelayMs)) {
        try {
          return await work();
        } catch (error) {
          if (!(error instanceof DependencyError)) throw error;
          this.waits(who, error);
        }
        await pauseFor(delayMs, signal);
      }
    } finally {
      this.resumed(who);
    }
  }
}

/** @throws LeaveError as soon as the signal is aborted */
export async function pauseFor(delayMs: number, signal: AbortSignal): Promise<void> {
  await sleep(delayMs, undefined, { signal }).catch(() => {
    throw new LeaveError('the lane leaves');
  });
}
