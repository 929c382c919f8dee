// Slices that something interrupted which is down. When such a slice comes again, its claims are still ours, and what was
// finished is left alone. A slice may also never come again: its partition went to another process.

export interface Interrupted {
  /** Of its claims. */
  token: string;
  /** Ids of notifications that need nothing more. */
  done: ReadonlySet<string>;
}

/** More than any lane has in hand. What is forgotten is claimed anew once its lease has run out. */
const maxSlices = 100;

export class InterruptedSlices {
  readonly #slices = new Map<string, Interrupted>();

  /** The same record may come from Kafka and from `waiting` at the same time: a token in use is given to nobody else. */
  take(slice: string): Interrupted | undefined {
    const found = this.#slices.get(slice);
    this.#slices.delete(slice);
    return found;
  }

  /** The oldest is forgotten first. */
  keep(slice: string, interrupted: Interrupted): void {
    this.#slices.set(slice, interrupted);
    for (const oldest of this.#slices.keys()) {
      if (this.#slices.size <= maxSlices) break;
      this.#slices.delete(oldest);
    }
  }
}
