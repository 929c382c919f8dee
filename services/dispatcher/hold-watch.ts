// Which of the requests in hand are paused or cancelled, for all lanes of the process. The claim has looked already; this
// is for what happens between a claim and the moment its body leaves. While nothing is in hand it asks nothing.
import { DependencyError, describeError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { HoldState } from './ledger/types.ts';
import type { Ledger } from './ledger.ts';

/** A hold is to stop mail within 2 s, also when Postgres takes its time. */
const everyMs = 500;

export class HoldWatch {
  readonly #ledger: Pick<Ledger, 'readHolds'>;
  readonly #logger: Logger;
  /** Requests in hand, and by how many slices. */
  readonly #inHand = new Map<string, number>();
  #holds = new Map<string, HoldState>();
  #timer: NodeJS.Timeout | undefined;

  constructor(ledger: Pick<Ledger, 'readHolds'>, logger: Logger) {
    this.#ledger = ledger;
    this.#logger = logger;
  }

  /** @returns undefined when it may go on */
  stateOf(requestId: string): HoldState | undefined {
    return this.#holds.get(requestId);
  }

  /** What a claim has seen of a request in hand. */
  learn(requestId: string, state: HoldState): void {
    this.#holds.set(requestId, state);
  }

  /** @returns to be called when the slice has none of them in hand any more */
  begin(requestIds: ReadonlySet<string>): () => void {
    for (const id of requestIds) this.#inHand.set(id, (this.#inHand.get(id) ?? 0) + 1);
    this.#schedule();
    return () => {
      for (const id of requestIds) {
        const count = (this.#inHand.get(id) ?? 1) - 1;
        if (count > 0) this.#inHand.set(id, count);
        else {
          this.#inHand.delete(id);
          this.#holds.delete(id);
        }
      }
      if (this.#inHand.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
    };
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => void this.#look(), everyMs);
  }

  async #look(): Promise<void> {
    const timer = this.#timer;
    try {
      const holds = await this.#ledger.readHolds([...this.#inHand.keys()]);
      if (this.#timer === timer) this.#holds = holds;
    } catch (error) {
      // Postgres is down: then answers cannot be settled either, and sending stops by itself.
      if (!(error instanceof DependencyError))
        this.#logger.error({ err: error }, `what is paused or cancelled cannot be read: ${describeError(error)}`);
    }
    // In between nothing was in hand: whoever came since has a timer of its own.
    if (this.#timer !== timer) return;
    this.#timer = undefined;
    if (this.#inHand.size > 0) this.#schedule();
  }
}
