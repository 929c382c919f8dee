// What a lane puts into `waiting` untried because its channel is down, so that the other channel's messages behind it go on.
import type { Channel } from '../../domain/ids.ts';
import type { Ledger } from './ledger.ts';
import type { Message } from './messages.ts';

export interface BacklogOptions {
  priority: string;
  ledger: Pick<Ledger, 'viewBacklog' | 'measureWaiting'>;
  /** Of all that waits in the lane; beyond that the lane waits with its records in Kafka. */
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

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  /** Something waits for this channel, here or through another process. */
  saw(channel: Channel): void {
    this.#mayWait.add(channel);
  }

  /** @returns whether so much more may be put into `waiting`. @throws DependencyError('postgres') */
  async hasRoom(bytes: number): Promise<boolean> {
    const { priority, ledger, maxBytes, onMeasured } = this.#options;
    if (performance.now() - this.#measuredAtMs >= measuredForMs) {
      this.#bytes = await ledger.measureWaiting(priority);
      this.#measuredAtMs = performance.now();
      onMeasured?.(this.#bytes);
    }
    if (this.#bytes + bytes > maxBytes) return false;
    this.#bytes += bytes;
    return true;
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
