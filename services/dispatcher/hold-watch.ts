// What keeps back the messages in hand, for all lanes of the process. The claim has looked already; this is for what
// happens between a claim and the moment its body leaves. While nothing is in hand it asks nothing.
import { covers } from '../../domain/holds.ts';
import { DependencyError, describeError } from '../../lib/errors.ts';
import type { NotificationRendered } from '../../lib/events.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Hold, HoldState, SharedHold } from './ledger/types.ts';
import type { Ledger } from './ledger.ts';

/** A hold is to stop mail within 2 s, also when Postgres takes its time. */
const everyMs = 500;

/** What is asked of a message to find what keeps it back. All messages of a request have the same. */
export type HoldableEvent = Pick<
  NotificationRendered,
  'request_id' | 'template_id' | 'channel' | 'priority' | 'is_promo' | 'is_test'
>;

export class HoldWatch {
  readonly #ledger: Pick<Ledger, 'readHolds' | 'readSharedHolds'>;
  readonly #logger: Logger;
  /** Requests in hand, and by how many slices. */
  readonly #inHand = new Map<string, number>();
  /** As the last look found them. */
  #requests = new Map<string, HoldState>();
  #shared: readonly SharedHold[] = [];
  /** What claims have seen of requests in hand, and how many looks had begun by then: only a later look knows better. */
  readonly #learned = new Map<string, { hold: Hold; lookCount: number }>();
  #lookCount = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(ledger: Pick<Ledger, 'readHolds' | 'readSharedHolds'>, logger: Logger) {
    this.#ledger = ledger;
    this.#logger = logger;
  }

  /** @returns undefined when it may go on */
  find(event: HoldableEvent): Hold | undefined {
    const id = event.request_id;
    const learned = this.#learned.get(id)?.hold;
    const found = this.#requests.get(id);
    // What is cancelled stays so, whoever knows it.
    if (found === 'cancelled' || learned?.state === 'cancelled') return { state: 'cancelled', holdId: null };
    if (found) return { state: found, holdId: null };
    return learned ?? this.#findShared(event);
  }

  /** What a claim has seen of a request in hand. */
  learn({ request_id: requestId }: HoldableEvent, hold: Hold): void {
    this.#learned.set(requestId, { hold, lookCount: this.#lookCount });
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
          this.#learned.delete(id);
          this.#requests.delete(id);
        }
      }
      if (this.#inHand.size > 0) return;
      clearTimeout(this.#timer);
      this.#timer = undefined;
      // Nobody looks any more: the next slice begins with what its claim has seen.
      this.#shared = [];
    };
  }

  #findShared(event: HoldableEvent): Hold | undefined {
    if (this.#shared.length === 0) return undefined;
    const { template_id: templateId, channel, priority, is_promo: isPromo, is_test: isTest } = event;
    const shared = this.#shared.find((hold) => covers(hold, { templateId, channel, priority, isPromo, isTest }));
    return shared && { state: 'paused', holdId: shared.holdId };
  }

  #schedule(): void {
    this.#timer ??= setTimeout(() => void this.#look(), everyMs);
  }

  async #look(): Promise<void> {
    const timer = this.#timer;
    this.#lookCount += 1;
    const lookCount = this.#lookCount;
    try {
      const [requests, shared] = await Promise.all([
        this.#ledger.readHolds([...this.#inHand.keys()]),
        this.#ledger.readSharedHolds(),
      ]);
      if (this.#timer === timer) {
        // Meanwhile some may have left the hand: nobody would take them out again.
        this.#requests = new Map([...requests].filter(([id]) => this.#inHand.has(id)));
        this.#shared = shared;
        for (const [id, learned] of this.#learned) if (learned.lookCount < lookCount) this.#learned.delete(id);
      }
    } catch (error) {
      // Postgres is down: then answers cannot be settled either, and sending stops by itself.
      if (!(error instanceof DependencyError))
        this.#logger.error({ err: error }, `what is on hold or cancelled cannot be read: ${describeError(error)}`);
    }
    // In between nothing was in hand: whoever came since has a timer of its own.
    if (this.#timer !== timer) return;
    this.#timer = undefined;
    if (this.#inHand.size > 0) this.#schedule();
  }
}
