// What a lane puts into `waiting`: untried because its channel is down, so that the other channel's messages behind it go on, and
// for another try. Both together have one bound.
import type { Channel } from '../../domain/ids.ts';
import type { Ledger } from './ledger.ts';
import type { Message } from './messages.ts';

export interface BacklogOptions {
  priority: string;
  ledger: Pick<Ledger, 'viewBacklog' | 'measureWaiting'>;
  /** Of all that waits in the lane. Beyond that the lane keeps what is untried in Kafka, and the guard holds what is put off most. */
  maxBytes: number;
  onMeasured?: (bytes: number) => void;
}

/** A short outage is waited out in place. */
export const waitInPlaceMs = 3_000;
const measuredForMs = 1_000;

export class Backlog {
  readonly #options: BacklogOptions;
  /** Channels for which something may wait. */
  readonly #mayWait = new Set<Channel>(['email', 'sms']);
  #bytes = 0;
  #measuredAtMs = Number.NEGATIVE_INFINITY;
  #hasTaken = false;

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  /** Something waits for this channel, here or through another process. */
  saw(channel: Channel): void {
    this.#mayWait.add(channel);
  }

  /** @returns whether so much more may be put into `waiting`. @throws DependencyError('postgres') */
  async hasRoom(bytes: number): Promise<boolean> {
    await this.#measure();
    if (this.#bytes + bytes > this.#options.maxBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  /** A message was put off for another try, whether there was room or not. */
  took(bytes: number): void {
    this.#bytes += bytes;
    this.#hasTaken = true;
  }

  /** @returns whether more waits than may since something was put off. @throws DependencyError('postgres') */
  async isOverfull(): Promise<boolean> {
    if (!this.#hasTaken) return false;
    await this.#measure();
    this.#hasTaken = false;
    return this.#bytes > this.#options.maxBytes;
  }

  async #measure(): Promise<void> {
    const { priority, ledger, onMeasured } = this.#options;
    if (performance.now() - this.#measuredAtMs < measuredForMs) return;
    this.#bytes = await ledger.measureWaiting(priority);
    this.#measuredAtMs = performance.now();
    onMeasured?.(this.#bytes);
  }

  /** @returns those before which a message to the same person waits: they must not overtake it. @throws DependencyError */
  async findBehind(messages: readonly Message[]): Promise<Set<Message>> {
    const behind = new Set<Message>();
    for (const channel of [...this.#mayWait]) {
      const some = messages.filter(({ event }) => event.channel === channel);
      if (some.length === 0) continue;
      const { priority, ledger } = this.#options;
      const people = some.map(({ event }) => event.user_id);
      const view = await ledger.viewBacklog(priority, channel, people);
      if (!view.isAny) this.#mayWait.delete(channel);
      for (const message of some) if (view.people.has(message.event.user_id)) behind.add(message);
    }
    return behind;
  }
}
