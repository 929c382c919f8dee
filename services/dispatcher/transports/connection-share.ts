// How the lanes of one process share a mail server that takes few connections: who is refused one makes the others give way.

/** The pool of one lane, as the others see it. */
export interface ShareMember {
  /** 0 is the most urgent. */
  readonly rank: number;
  readonly connectionCount: number;
  /** Messages that wait for a connection. */
  readonly waitingCount: number;
  closeIdle(): void;
  /** A connection may be free at the server. */
  connectAgain(): void;
}

/** A busy lane keeps its only connection for so long from a less urgent one that has none; the most urgent lane for longer. */
const turnMs = 1_000;
const longTurnMs = 5_000;
/** The server may count a connection a moment longer than we do. */
const afterEndMs = 50;
const againMs = 500;

export class ConnectionShare {
  readonly #members = new Set<ShareMember>();
  /** Who was refused a connection and has none, and since when. */
  readonly #wanting = new Map<ShareMember, number>();
  #timer: NodeJS.Timeout | undefined;

  join(member: ShareMember): void {
    this.#members.add(member);
  }

  leave(member: ShareMember): void {
    this.#members.delete(member);
    this.#wanting.delete(member);
  }

  isWanting(member: ShareMember): boolean {
    return this.#wanting.has(member);
  }

  /** Whether the server works for another lane at least. */
  othersAreConnected(member: ShareMember): boolean {
    return [...this.#members].some((other) => other !== member && other.connectionCount > 0);
  }

  /** @returns whether to wait for a connection of another lane; otherwise the server takes nobody */
  refused(member: ShareMember): boolean {
    if (!this.othersAreConnected(member)) {
      this.#wanting.delete(member);
      return false;
    }
    if (member.connectionCount === 0 && !this.#wanting.has(member)) this.#wanting.set(member, performance.now());
    for (const other of this.#members) if (other !== member) other.closeIdle();
    this.#lookIn(afterEndMs);
    return true;
  }

  /** It has closed its only connection for another lane, and waits for one again. */
  gaveItsLast(member: ShareMember): void {
    if (member.waitingCount > 0) this.#wanting.set(member, performance.now());
  }

  connected(member: ShareMember): void {
    this.#wanting.delete(member);
  }

  /** Whether a lane whose connection has just become free is to close it for one that has none. */
  mustGiveWay(member: ShareMember): boolean {
    const first = this.#first();
    if (!first || first === member) return false;
    const hasMore = member.connectionCount > 1;
    const isServed = member.waitingCount === 0;
    const waitsMs = performance.now() - (this.#wanting.get(first) ?? 0);
    return first.rank < member.rank || hasMore || isServed || waitsMs > (member.rank === 0 ? longTurnMs : turnMs);
  }

  /** A connection has ended. */
  freed(): void {
    if (this.#wanting.size > 0) this.#lookIn(afterEndMs);
  }

  #first(): ShareMember | undefined {
    return [...this.#wanting.keys()].filter((one) => one.waitingCount > 0).sort((a, b) => a.rank - b.rank)[0];
  }

  #lookIn(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const first = this.#first();
      if (!first) return;
      first.connectAgain();
      this.#lookIn(againMs);
    }, delayMs).unref();
  }
}
