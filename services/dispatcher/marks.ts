// For templates that park: which rows are marked `sending` in the ledger right now, for one lane. These are the ones that
// a kill would make unknown, so there are never more than a hundred of them besides those under way.

import type { Ledger } from './ledger.ts';
import type { Claimed } from './messages.ts';
import { maxUnsettled } from './settler.ts';

export class Marks {
  readonly #ledger: Pick<Ledger, 'markSending'>;
  readonly #marked = new Set<string>();
  #waiting: (() => void)[] = [];
  #last: Promise<unknown> = Promise.resolve();

  constructor(ledger: Pick<Ledger, 'markSending'>) {
    this.#ledger = ledger;
  }

  has(claim: Claimed): boolean {
    return this.#marked.has(claim.notificationId);
  }

  /**
   * Marks the first of these and as many of the next as there is room for, in one statement. What cannot be marked is no
   * longer ours, and is told so.
   * @throws DependencyError('postgres')
   */
  async mark(claims: readonly Claimed[]): Promise<void> {
    const mine = this.#last.then(() => this.#markNow(claims));
    this.#last = mine.catch(() => undefined);
    await mine;
  }

  /** They are settled, or given back. */
  end(notificationIds: Iterable<string>): void {
    for (const id of notificationIds) this.#marked.delete(id);
    if (this.#marked.size > maxUnsettled / 2) return;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  async #markNow(claims: readonly Claimed[]): Promise<void> {
    if (claims[0] && this.has(claims[0])) return;
    while (this.#marked.size > maxUnsettled / 2) await new Promise<void>((wake) => this.#waiting.push(wake));
    const some = claims.filter((claim) => claim.stage === 'open' && !this.has(claim));
    some.length = Math.min(some.length, maxUnsettled - this.#marked.size);
    if (some.length === 0) return;
    const marked = await this.#ledger.markSending(some);
    for (const claim of some) {
      if (marked.has(claim.notificationId)) this.#marked.add(claim.notificationId);
      else claim.lost = true;
    }
  }
}
