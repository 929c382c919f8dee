// The circuit breaker of one lane's transport: when the server is down or refuses everything, the lane stops trying
// instead of burning its messages one by one.
import { type Dependency, DependencyError } from '../../../lib/errors.ts';

/** So many failures without one success between them speak of the server, not of messages. */
const failuresToOpen = 5;
const firstPauseMs = 500;
const longestPauseMs = 5_000;

/** Closed: sends. Open: nothing is tried until the pause is over; then one failure more opens it again, for longer. */
export class Breaker {
  readonly #dependency: Dependency;
  readonly #now: () => number;
  #failuresInARow = 0;
  #pauseMs = firstPauseMs;
  #openUntilMs: number | undefined;
  #detail = '';
  /** Grows with every success: who remembers it can tell whether the server worked for others meanwhile. */
  successCount = 0;

  /** @param now a monotonic clock, in milliseconds */
  constructor(dependency: Dependency, now: () => number) {
    this.#dependency = dependency;
    this.#now = now;
  }

  succeeded(): void {
    this.successCount += 1;
    this.#failuresInARow = 0;
    this.#pauseMs = firstPauseMs;
    this.#openUntilMs = undefined;
  }

  /** @param hopeless opens at once: there was not even a session */
  failed(detail: string, hopeless: boolean): void {
    this.#failuresInARow = hopeless ? failuresToOpen : this.#failuresInARow + 1;
    this.#detail = detail;
    // Answers to what was under way when it opened do not make the pause longer.
    if (this.#failuresInARow < failuresToOpen || this.isOpen) return;
    this.#openUntilMs = this.#now() + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
  }

  get isOpen(): boolean {
    return this.#openUntilMs !== undefined && this.#now() < this.#openUntilMs;
  }

  /** Nothing has succeeded since it last failed for good: then one message is tried alone, before the others follow. */
  get isProving(): boolean {
    return this.#openUntilMs !== undefined;
  }

  /** What the lane waits for. */
  toError(): DependencyError {
    return new DependencyError(this.#dependency, this.#detail);
  }
}
