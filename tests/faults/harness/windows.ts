// The three moments at which a dispatcher can die, each held open until it does: a claim done whose answer has not come
// (1), a body taken whose answer has not come (2), answers that have come and are not settled (3).
import { setTimeout as sleep } from 'node:timers/promises';
import { statements } from './postgres-proxy.ts';
import type { World } from './world.ts';

export interface Windows {
  /** @returns who was claimed for the first time by a claim that has this kind of person in it */
  holdClaim(isWanted: (notificationId: string) => boolean): Promise<string[]>;
  /** @returns whose mail, with this text in it, is taken and not answered */
  holdMail(containing: string): Promise<string>;
  /**
   * No settling gets through from here on. Resolves when answers of all these kinds are there and wait to be settled. A lane
   * begins nothing new before its slice is settled: when the kinds are not among what is under way, it tries again.
   */
  holdSettling(kinds: readonly ((notificationId: string) => boolean)[]): Promise<void>;
  /** Lets everything go on that was held. */
  open(): Promise<void>;
}

/** A dispatcher that was killed is missed by its group for 15 s, and started again after 10 s at most. */
const hitWithinMs = 90_000;
/** What is held back for long outlives its lease, and then nobody could say any more whose it is. */
const heldAtMostMs = 10_000;

export function createWindows({ postgresProxy, sink }: World): Windows {
  let gate = Promise.withResolvers<void>();
  const claims: { isWanted(id: string): boolean; struck(ids: string[]): void }[] = [];
  const heldIds = new Set<string>();
  let isHoldingSettles = false;
  let heldSettleCount = 0;

  postgresProxy.rule = (statement) => {
    if ((claims.length > 0 || heldIds.size > 0) && statements.claim(statement)) {
      const answered = Promise.withResolvers<void>();
      return {
        kind: 'after',
        until: answered.promise,
        onDone(rows) {
          const ids = toFirstClaimed(rows);
          const at = claims.findIndex(({ isWanted }) => ids.some(isWanted));
          // Who waits too long for an answer asks again, and gets the same one: that has to wait as well.
          if (at < 0 && !ids.some((id) => heldIds.has(id))) return answered.resolve();
          for (const id of ids) heldIds.add(id);
          claims.splice(at, at < 0 ? 0 : 1)[0]?.struck(ids);
          void gate.promise.then(answered.resolve);
        },
      };
    }
    if (isHoldingSettles && statements.settle(statement)) {
      heldSettleCount += 1;
      return { kind: 'before', until: gate.promise };
    }
    return { kind: 'pass' };
  };

  return {
    holdClaim: (isWanted) =>
      inTime(new Promise<string[]>((struck) => claims.push({ isWanted, struck })), 'a claim of that kind'),
    holdMail: async (containing) =>
      (await inTime(sink.holdNext(containing), `a mail with ${containing}`)).notificationId,
    async holdSettling(kinds) {
      const deadline = performance.now() + hitWithinMs;
      while (!(await holdOnce(kinds, deadline))) {
        await open();
        await sleep(500);
      }
    },
    open,
  };

  /** @returns false when what is held has been held for too long without a hit */
  async function holdOnce(kinds: readonly ((id: string) => boolean)[], deadline: number): Promise<boolean> {
    const from = sink.accepted().length;
    let heldSinceMs: number | undefined;
    heldSettleCount = 0;
    isHoldingSettles = true;
    for (;;) {
      const nowMs = performance.now();
      const answered = sink.accepted().slice(from);
      if (heldSettleCount > 0) heldSinceMs ??= nowMs;
      // What was on its way when the holding began is through: whatever was taken since then is unsettled, either in the
      // statement that waits or behind it (a lane has one under way at a time).
      if (heldSinceMs !== undefined && kinds.every((kind) => answered.some((one) => kind(one.notificationId))))
        return true;
      if (heldSinceMs !== undefined && nowMs - heldSinceMs > heldAtMostMs) return false;
      if (nowMs > deadline) throw new Error('no answers of these kinds came to be settled');
      await sleep(2);
    }
  }

  async function open(): Promise<void> {
    isHoldingSettles = false;
    heldIds.clear();
    gate.resolve();
    gate = Promise.withResolvers();
    await sink.release();
  }
}

/** The columns of services/dispatcher/ledger/claim.ts, in their order. */
function toFirstClaimed(rows: readonly (string | null)[][]): string[] {
  return rows.flatMap(([id, verdict, , , , , attempt]) => (id && verdict === 'claimed' && attempt === '1' ? [id] : []));
}

async function inTime<T>(work: Promise<T>, what: string): Promise<T> {
  const giveUp = new AbortController();
  const late = sleep(hitWithinMs, undefined, { signal: giveUp.signal }).then(() => {
    throw new Error(`${what} did not come within ${hitWithinMs / 1_000} s`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    late.catch(() => {});
    giveUp.abort();
  }
}
