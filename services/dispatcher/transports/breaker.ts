// The circuit breaker of one channel in one lane: when the server is down or refuses everybody, nothing is tried for a while
// instead of burning the messages one by one. What is caused by one message never opens it.
import { type Dependency, DependencyError } from '../../../lib/errors.ts';

/** So many different recipients in a row, without one success between them, speak of the server and not of messages. */
export const failuresToOpen = 5;
const firstPauseMs = 500;
const longestPauseMs = 5_000;
/** Whose message failed while others got through is remembered for so long, and does not count as another's failure. */
const loneForMs = 10 * 60_000;
const maxRemembered = 1_000;
/** Without another try for so long nothing is known of the server any more. */
const knownForMs = 30_000;

/**
 * Closed: sends. Open: nothing is tried until the pause is over. Proving: up to five different recipients are tried, one
 * after the other; the first success closes it, otherwise it opens again for longer.
 */
export class Breaker {
  readonly #dependency: Dependency;
  readonly #now: () => number;
  /** Who failed since it last opened or something last succeeded. */
  readonly #inARow = new Set<string>();
  /** Who failed since something last succeeded. */
  readonly #failed = new Set<string>();
  /** Who failed while others got through, and until when that is remembered. */
  readonly #lone = new Map<string, number>();
  #pauseMs = firstPauseMs;
  #openUntilMs: number | undefined;
  #downSinceMs = 0;
  #failedAtMs = 0;
  #successCount = 0;
  #detail = '';
  /** Why nothing gets through, for /readyz, where the transport knows; from a closed list. */
  fault: string | undefined;

  /** @param now a monotonic clock, in milliseconds */
  constructor(dependency: Dependency, now: () => number) {
    this.#dependency = dependency;
    this.#now = now;
  }

  /** @param recipient whose message was taken, or was judged as a message */
  succeeded(recipient: string): void {
    this.#successCount += 1;
    this.#failed.delete(recipient);
    for (const lone of this.#failed) this.#remember(lone);
    this.#lone.delete(recipient);
    this.#failed.clear();
    this.#inARow.clear();
    this.#pauseMs = firstPauseMs;
    this.#openUntilMs = undefined;
  }

  /** @param hopeless opens at once: there was not even a session */
  failed(recipient: string, detail: string, hopeless = false): void {
    this.#detail = detail;
    this.#failedAtMs = this.#now();
    if (!hopeless) {
      if (this.isLone(recipient)) return;
      this.#inARow.add(recipient);
      // When so many have failed, they are tried again from the beginning.
      if (this.#failed.size >= maxRemembered) this.#failed.clear();
      this.#failed.add(recipient);
      if (this.#inARow.size < failuresToOpen) return;
    }
    this.open();
  }

  /** Others got through while the server was silent about this one. */
  failedAlone(recipient: string): void {
    this.#remember(recipient);
  }

  /** Successes until now. */
  get successCount(): number {
    return this.#successCount;
  }

  /** Whether it failed while others got through: then its failure is its own. */
  isLone(recipient: string): boolean {
    return (this.#lone.get(recipient) ?? 0) > this.#now();
  }

  /** Since something last succeeded. */
  hasFailed(recipient: string): boolean {
    return this.#failed.has(recipient);
  }

  /** Also when a proof has found nobody left to try. */
  open(detail = this.#detail): void {
    this.#detail = detail;
    this.#failedAtMs = this.#now();
    this.#inARow.clear();
    // Answers to what was under way when it opened do not make the pause longer.
    if (this.isOpen) return;
    if (this.#openUntilMs === undefined) this.#downSinceMs = this.#now();
    this.#openUntilMs = this.#now() + this.#pauseMs;
    this.#pauseMs = Math.min(this.#pauseMs * 2, longestPauseMs);
  }

  get isOpen(): boolean {
    return this.#openUntilMs !== undefined && this.#now() < this.#openUntilMs;
  }

  /** Nothing has succeeded since it opened. */
  get isProving(): boolean {
    return this.#openUntilMs !== undefined;
  }

  /** For how long nothing has succeeded, milliseconds; 0 while it is closed. */
  get downForMs(): number {
    return this.isProving ? this.#now() - this.#downSinceMs : 0;
  }

  /** What operators are told: nothing got through, as far as lately anything was tried. */
  get isDown(): boolean {
    return this.isProving && this.#now() - this.#failedAtMs < knownForMs;
  }

  /** What the lane waits for. */
  toError(): DependencyError {
    return new DependencyError(this.#dependency, this.#detail);
  }

  get dependency(): Dependency {
    return this.#dependency;
  }

  /** What /readyz says while it is down, such as `mail-server: log-in refused`. */
  get waitsFor(): string {
    return this.fault === undefined ? this.#dependency : `${this.#dependency}: ${this.fault}`;
  }

  /** The oldest is forgotten first. */
  #remember(recipient: string): void {
    this.#lone.delete(recipient);
    this.#lone.set(recipient, this.#now() + loneForMs);
    for (const oldest of this.#lone.keys()) {
      if (this.#lone.size <= maxRemembered) break;
      this.#lone.delete(oldest);
    }
  }
}
