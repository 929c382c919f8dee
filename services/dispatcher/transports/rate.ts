// The rate limit of one transport, as one dispatcher process keeps it: messages wait here for their turn. The turns
// themselves are given out by Postgres, to all dispatchers together (rate-grants.ts).
import type { Priority } from '../../../lib/topics.ts';
import type { Grant, GrantSource } from './rate-grants.ts';
import type { Waiting } from './transport.ts';

/** A grant is work for so long: what a process that dies takes with it, and what another has to wait for it. */
const grantMs = 100;
/** The next grant is asked for so long before the last one is used up. */
const aheadMs = 50;
/** A turn that nobody took is lost after so long: it is never saved up. */
export const graceMs = 50;
/** Turns may be taken late by `graceMs`: they are spaced a little wider, so that no second sees more than the limit. */
const spacing = 1 + graceMs / 1_000;
/** Who waits is looked at again at least so often: whether it still is wanted, and to say that it waits. */
const lookEveryMs = 100;
const longestRetryMs = 1_000;

interface Waiter extends Waiting {
  isFirst: boolean;
  resolve(): void;
  reject(error: unknown): void;
}

/** @param now a monotonic clock, in milliseconds */
export function createRateLimit(options: { perSecond: number; source: GrantSource; now?: () => number }): {
  /** Resolves when one message may start, or is no longer wanted. @throws DependencyError('postgres') */
  take(priority: Priority, waiting: Waiting): Promise<void>;
} {
  const high = new TurnQueue({ ...options, isHigh: true });
  const others = new TurnQueue({ ...options, isHigh: false });
  return {
    take: (priority, waiting) =>
      priority === 'high' ? high.take(waiting, false) : others.take(waiting, priority === 'medium'),
  };
}

export type RateLimit = ReturnType<typeof createRateLimit>;

/** Those who wait, in order, and the turns that were granted and not taken yet. Idle, it has no timer and asks nothing. */
class TurnQueue {
  readonly #source: GrantSource;
  readonly #now: () => number;
  readonly #isHigh: boolean;
  readonly #stepMs: number;
  readonly #largestCount: number;
  #waiters: Waiter[] = [];
  /** By the monotonic clock: when each may start, ascending. */
  #turns: number[] = [];
  #takenCount = 0;
  #isAsking = false;
  #askAtMs = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: { perSecond: number; source: GrantSource; isHigh: boolean; now?: () => number }) {
    this.#source = options.source;
    this.#now = options.now ?? (() => performance.now());
    this.#isHigh = options.isHigh;
    this.#stepMs = (1_000 * spacing) / options.perSecond;
    this.#largestCount = Math.max(1, Math.floor(grantMs / this.#stepMs));
  }

  /** @param isFirst before those who are not */
  take(waiting: Waiting, isFirst: boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiter = { ...waiting, isFirst, resolve, reject };
      const behind = isFirst ? this.#waiters.findIndex((other) => !other.isFirst) : -1;
      this.#waiters.splice(behind < 0 ? this.#waiters.length : behind, 0, waiter);
      this.#look();
    });
  }

  #look(): void {
    clearTimeout(this.#timer);
    const nowMs = this.#now();
    this.#turns = this.#turns.filter((atMs) => atMs + graceMs >= nowMs);
    this.#waiters = this.#waiters.filter((waiter) => {
      if (waiter.isWanted()) return true;
      waiter.resolve();
      return false;
    });
    while ((this.#turns[0] ?? Number.POSITIVE_INFINITY) <= nowMs) {
      const waiter = this.#waiters.shift();
      if (!waiter) return;
      this.#turns.shift();
      this.#takenCount += 1;
      waiter.resolve();
    }
    if (this.#waiters.length === 0) return;
    for (const waiter of this.#waiters) waiter.onWaiting();
    this.#askWhenDue(nowMs);
    const nextMs = Math.min(this.#turns[0] ?? Number.POSITIVE_INFINITY, nowMs + lookEveryMs, this.#nextAskMs(nowMs));
    this.#timer = setTimeout(() => this.#look(), Math.max(1, nextMs - nowMs));
  }

  #nextAskMs(nowMs: number): number {
    if (this.#isAsking || this.#waiters.length <= this.#turns.length) return Number.POSITIVE_INFINITY;
    const usedUpMs = (this.#turns.at(-1) ?? Number.NEGATIVE_INFINITY) + this.#stepMs;
    return Math.max(nowMs, this.#askAtMs, usedUpMs - aheadMs);
  }

  #askWhenDue(nowMs: number): void {
    if (this.#nextAskMs(nowMs) > nowMs) return;
    // Those who wait, and those who will come back when what they send now is answered.
    const wanted = this.#waiters.length - this.#turns.length + this.#takenCount;
    const count = Math.min(Math.max(1, wanted), this.#largestCount);
    this.#takenCount = 0;
    this.#isAsking = true;
    this.#source
      .grant({ count, stepMs: this.#stepMs, isHigh: this.#isHigh })
      .then((grant) => this.#granted(grant))
      .catch((error: unknown) => {
        for (const { reject } of this.#waiters.splice(0)) reject(error);
      })
      .finally(() => {
        this.#isAsking = false;
        this.#look();
      });
  }

  #granted({ count, inMs }: Grant): void {
    const fromMs = this.#now() + inMs;
    if (count === 0) this.#askAtMs = Math.min(fromMs, this.#now() + longestRetryMs);
    for (let at = 0; at < count; at++) this.#turns.push(fromMs + at * this.#stepMs);
  }
}
