// How many messages a lane has put off within about the last minute: what was put off together must not come back together.

const halfMs = 30_000;

export class PutOffCount {
  #halfFromMs = Number.NEGATIVE_INFINITY;
  #latest = 0;
  #before = 0;

  add(nowMs: number): void {
    this.#turn(nowMs);
    this.#latest += 1;
  }

  count(nowMs: number): number {
    this.#turn(nowMs);
    return this.#latest + this.#before;
  }

  #turn(nowMs: number): void {
    const passedMs = nowMs - this.#halfFromMs;
    if (passedMs < halfMs) return;
    this.#before = passedMs < 2 * halfMs ? this.#latest : 0;
    this.#latest = 0;
    this.#halfFromMs = nowMs;
  }
}
