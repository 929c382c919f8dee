// How long the claims of one slice are certainly ours, by a clock that nobody can set.
import { leaseMs } from './ledger.ts';

/** A body starts only while this much is left: it covers the time until the server has it all. */
const neededMs = 15_000;

export class Lease {
  #untilMs: number;

  /** @param claimedAtMs the monotonic clock, read before the claim was sent: Postgres's lease began later */
  constructor(claimedAtMs: number) {
    this.#untilMs = claimedAtMs + leaseMs;
  }

  /** A process that was frozen finds false when it wakes, and sends nothing. */
  lastsAt(nowMs: number): boolean {
    return nowMs + neededMs < this.#untilMs;
  }

  /** @param askedAtMs the monotonic clock, read before the renewal was sent */
  renewed(askedAtMs: number): void {
    this.#untilMs = askedAtMs + leaseMs;
  }
}
