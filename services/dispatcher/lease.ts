// How long the claims of one slice are certainly ours. They are over when either clock of the machine says so: the monotonic
// one misses the time in which a virtual machine is suspended, the wall clock can be set back.
import { leaseMs } from './ledger.ts';
import type { Clocks } from './read-clocks.ts';

/** A body starts only while this much is left: it covers the time until the server has it all. */
const neededMs = 15_000;

export class Lease {
  #from: Clocks;

  /** @param claimedAt read before the claim was sent: Postgres's lease began later */
  constructor(claimedAt: Clocks) {
    this.#from = claimedAt;
  }

  /** A process that was frozen or suspended finds false when it wakes, and sends nothing. A clock set forward costs a claim. */
  lasts(now: Clocks): boolean {
    const agedMs = Math.max(now.monotonicMs - this.#from.monotonicMs, now.wallMs - this.#from.wallMs);
    return agedMs + neededMs < leaseMs;
  }

  /** @param askedAt read before the renewal was sent */
  renewed(askedAt: Clocks): void {
    this.#from = askedAt;
  }
}
