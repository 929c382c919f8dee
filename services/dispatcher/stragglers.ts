// Messages of one lane and channel that left their slice behind: the server is silent about them, and the lane goes on with its
// next slice. They are waiting rows as well, so that a kill loses none of them. There are few: beyond that the slice waits.
import { DependencyError, describeError, TransientError } from '../../lib/errors.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Claimed, Message } from './messages.ts';

/** An answer that has not come after so long holds up nobody else. Most servers answer within a second. */
export const silentMs = 2_000;

export class Stragglers {
  readonly #max: number;
  readonly #logger: Logger;
  /** People whose message is one of them, and of how many slices: until it is settled, none to the same person is sent. */
  readonly #people = new Map<string, number>();
  readonly #finishing = new Set<Promise<void>>();
  #count = 0;
  #waiting: (() => void)[] = [];

  constructor(max: number, logger: Logger) {
    this.#max = max;
    this.#logger = logger;
  }

  /** Whether an answer is awaited for a message to the same person, or for this very one. */
  concern({ event }: Message): boolean {
    return this.#people.has(event.user_id);
  }

  /** Resolves when so many more may be added. */
  async room(count: number): Promise<void> {
    while (this.#count > 0 && this.#count + count > this.#max) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** @param finish ends when all of them are settled or given back */
  add(claims: readonly Claimed[], finish: Promise<void>): void {
    const people = claims.map(({ message }) => message.event.user_id);
    this.#count += claims.length;
    for (const id of people) this.#people.set(id, (this.#people.get(id) ?? 0) + 1);
    const finishing = finish
      .catch((error: unknown) => {
        // Their claims run out, and their waiting rows are due by then.
        const text = `late answers are left to what waits: ${describeError(error)}`;
        if (error instanceof DependencyError || error instanceof TransientError) this.#logger.warn(text);
        else this.#logger.error({ err: error }, text);
      })
      .then(() => {
        this.#count -= claims.length;
        for (const id of people) {
          const left = (this.#people.get(id) ?? 1) - 1;
          if (left > 0) this.#people.set(id, left);
          else this.#people.delete(id);
        }
        this.#finishing.delete(finishing);
        for (const resolve of this.#waiting.splice(0)) resolve();
      });
    this.#finishing.add(finishing);
  }

  async finished(): Promise<void> {
    await Promise.all(this.#finishing);
  }
}
