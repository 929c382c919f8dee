// For templates that park: which rows are marked `sending` in the ledger right now, for one lane. These are the ones that
// a kill would make unknown, so there are never more than a hundred of them besides those under way.
import type { Ledger } from './ledger.ts';
import type { Claimed } from './messages.ts';
import { maxUnsettled } from './settler.ts';

/** What only the slice knows of its message. Both are asked again whenever something changes. */
export interface MarkWish {
  /** Whether its body may leave at all: its slice goes on. */
  isWanted(): boolean;
  /** Whether marks end without it. Otherwise it would wait for messages that wait for it, and is marked alone. */
  mayWait(): boolean;
}

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
   * longer ours, and is told so. When it is not wanted any more nothing is marked.
   * @throws DependencyError('postgres')
   */
  async mark(claims: readonly Claimed[], wish: MarkWish): Promise<void> {
    const first = claims[0];
    while (first && !this.has(first) && wish.isWanted()) {
      if (!this.#isFull || !wish.mayWait()) {
        const mine = this.#last.then(() => this.#markNow(first, claims, wish));
        this.#last = mine.catch(() => undefined);
        return mine;
      }
      await new Promise<void>((wake) => this.#waiting.push(wake));
    }
  }

  /** They are settled, or given back. */
  end(notificationIds: Iterable<string>): void {
    for (const id of notificationIds) this.#marked.delete(id);
    if (!this.#isFull) this.look();
  }

  /** Something has changed for who waits for room. */
  look(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }

  /** Half, so that the next statement again marks many. */
  get #isFull(): boolean {
    return this.#marked.size > maxUnsettled / 2;
  }

  async #markNow(first: Claimed, claims: readonly Claimed[], wish: MarkWish): Promise<void> {
    if (this.has(first)) return;
    const room = this.#isFull ? 1 : maxUnsettled - this.#marked.size;
    const some = claims.filter((claim) => claim.stage === 'open' && !this.has(claim)).slice(0, room);
    if (some.length === 0) return;
    const marked = await this.#ledger.markSending(some);
    // Its slice is over, and has given back what it held: nobody would ever end these.
    if (!wish.isWanted()) return;
    for (const claim of some) {
      if (marked.has(claim.notificationId)) this.#marked.add(claim.notificationId);
      else claim.lost = true;
    }
    this.look();
  }
}
