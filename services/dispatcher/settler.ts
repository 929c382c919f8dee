// Writes answers down as they come, for one lane. Nothing is dropped: while Postgres is down they stay here, and are
// tried until they are written.
import { DependencyError, describeError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Settlement } from './ledger/types.ts';
import type { Ledger } from './ledger.ts';

/**
 * Answers that are known but not yet written are what a kill would forget; docs/reliability.md promises a hundred at most.
 * Written by fifties, so that the next fifty come in while fifty are being written.
 */
export const maxUnsettled = 100;
const batchCount = 50;
const longestWaitMs = 50;
/** After so long without success whoever waits is told that Postgres is down. The settler itself goes on trying. */
const patienceMs = 2_000;
const longestRetryMs = 2_000;

interface Waiter {
  isServed(): boolean;
  resolve(): void;
  reject(error: Error): void;
}

export class Settler {
  readonly #ledger: Pick<Ledger, 'settle'>;
  readonly #logger: Logger;
  readonly #onSettled: (settlements: readonly Settlement[], changed: ReadonlySet<string>) => void;
  readonly #pending: Settlement[] = [];
  #waiters: Waiter[] = [];
  #addedCount = 0;
  #doneCount = 0;
  /** What is to be written now, however few it is. */
  #dueCount = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing = false;

  constructor(
    ledger: Pick<Ledger, 'settle'>,
    logger: Logger,
    onSettled: (settlements: readonly Settlement[], changed: ReadonlySet<string>) => void,
  ) {
    this.#ledger = ledger;
    this.#logger = logger;
    this.#onSettled = onSettled;
  }

  get unsettledCount(): number {
    return this.#pending.length;
  }

  add(settlement: Settlement): void {
    this.#pending.push(settlement);
    this.#addedCount += 1;
    if (this.#pending.length >= batchCount) this.#start();
    else
      this.#timer ??= setTimeout(() => {
        this.#timer = undefined;
        this.#dueCount = this.#addedCount;
        this.#start();
      }, longestWaitMs);
  }

  /** Resolves when one more answer may come. @throws DependencyError('postgres') while it is down */
  async room(): Promise<void> {
    if (this.#pending.length >= maxUnsettled) await this.#wait(() => this.#pending.length < maxUnsettled);
  }

  /** Resolves when all that was added until now is written. @throws DependencyError('postgres') while it is down */
  async settled(): Promise<void> {
    const count = this.#addedCount;
    if (this.#doneCount >= count) return;
    this.#dueCount = count;
    this.#start();
    await this.#wait(() => this.#doneCount >= count);
  }

  /** @throws DependencyError('postgres') when that is down before the work has ended */
  async unlessDown<T>(work: Promise<T>): Promise<T> {
    let ended = false;
    const watched = work.finally(() => {
      ended = true;
    });
    const down = this.#wait(() => ended).then(() => watched);
    return Promise.race([watched, down]);
  }

  #wait(isServed: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => this.#waiters.push({ isServed, resolve, reject }));
  }

  #start(): void {
    if (!this.#writing) void this.#write();
  }

  async #write(): Promise<void> {
    this.#writing = true;
    let failingSinceMs: number | undefined;
    for (let retryMs = 50; this.#pending.length >= batchCount || this.#doneCount < this.#dueCount; ) {
      const batch = this.#pending.slice(0, maxUnsettled);
      try {
        const changed = await this.#ledger.settle(batch);
        this.#pending.splice(0, batch.length);
        this.#doneCount += batch.length;
        if (failingSinceMs !== undefined) this.#logger.info('answers are written again');
        failingSinceMs = undefined;
        retryMs = 50;
        this.#onSettled(batch, changed);
        this.#serve();
      } catch (error) {
        if (failingSinceMs === undefined) this.#logger.warn({ err: error }, `answers wait: ${describeError(error)}`);
        failingSinceMs ??= performance.now();
        if (performance.now() - failingSinceMs >= patienceMs) this.#refuse(error);
        await new Promise((resolve) => setTimeout(resolve, retryMs));
        retryMs = Math.min(retryMs * 2, longestRetryMs);
      }
    }
    this.#writing = false;
  }

  #serve(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) {
      if (waiter.isServed()) waiter.resolve();
      else this.#waiters.push(waiter);
    }
  }

  #refuse(cause: unknown): void {
    const error = new DependencyError('postgres', 'answers cannot be written down', { cause });
    for (const { reject } of this.#waiters.splice(0)) reject(error);
  }
}
