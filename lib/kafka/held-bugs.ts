// Records that met a bug of ours are held back: a bad release must not empty a topic into the dead letters. They are let
// go once a record succeeds after them or nothing more comes; the tenth in a row stops the process instead, and what is
// held then stays uncommitted. One count per lane, across its partitions and slices.
import type { Written } from './write-verdicts.ts';

export interface HeldBug {
  partition: number;
  offset: string;
  /** Makes its dead letter, when it is let go. */
  putAside(): Written;
}

export class HeldBugs {
  readonly #held = new Map<string, HeldBug & { leaving: boolean }>();
  #inARow = 0;

  get inARow(): number {
    return this.#inARow;
  }

  get isEmpty(): boolean {
    return this.#held.size === 0;
  }

  /** A record that is read again counts once. */
  hold(bug: HeldBug): void {
    const key = keyOf(bug.partition, bug.offset);
    if (!this.#held.has(key)) this.#inARow += 1;
    this.#held.set(key, { ...bug, leaving: false });
  }

  /** A record succeeded: the row is broken. Nothing of this record itself remains held. */
  succeeded(partition: number, offset: string): void {
    this.#inARow = 0;
    if (this.#held.size > 0) this.#held.delete(keyOf(partition, offset));
  }

  /** Those that nobody else is letting go yet; give them back with `letGo` when they are written, or `keep`. */
  take(): HeldBug[] {
    const taken = [...this.#held.values()].filter(({ leaving }) => !leaving);
    for (const bug of taken) bug.leaving = true;
    return taken;
  }

  letGo(bugs: readonly HeldBug[]): void {
    for (const { partition, offset } of bugs) this.#held.delete(keyOf(partition, offset));
  }

  keep(bugs: readonly HeldBug[]): void {
    for (const { partition, offset } of bugs) {
      const bug = this.#held.get(keyOf(partition, offset));
      if (bug) bug.leaving = false;
    }
  }

  /** The partitions were given out anew: what is held will be read, and counted, again by whoever has them now. */
  forgetAll(): void {
    this.#inARow = Math.max(0, this.#inARow - this.#held.size);
    this.#held.clear();
  }

  /** Up to where a partition may be committed when it has been worked through up to `offset`. */
  commitPoint(partition: number, offset: bigint): bigint {
    let point = offset;
    for (const bug of this.#held.values()) {
      const held = BigInt(bug.offset);
      if (bug.partition === partition && held < point) point = held;
    }
    return point;
  }
}

const keyOf = (partition: number, offset: string) => `${partition} ${offset}`;
