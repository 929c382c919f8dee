// The sweep: walks through all open requests, the oldest of each priority first, again and again. It ends those that only
// name people once all of them have an end, heals those that stand still, and knows the oldest one. One planner at a time.
import { performance } from 'node:perf_hooks';
import { StatementUndoneError } from '../../../lib/db/database.ts';
import { DependencyError } from '../../../lib/errors.ts';
import { pauseFor } from '../../../lib/kafka/lane-status.ts';
import type { Passage } from '../../../lib/kafka/passage.ts';
import { type Priority, priorities } from '../../../lib/topics.ts';
import type { PlannerMetrics } from '../planner-metrics.ts';
import { healDirect } from './heal-direct.ts';
import { type CareParts, startPassageOf } from './look-after.ts';
import { runEach } from './set-aside.ts';
import { createSweepLease } from './sweep-lease.ts';
import { closeBalanced, type LookedAt, lookAtOpen, type Place, perPriority } from './sweep-portion.ts';

export interface SweepParts extends Omit<CareParts, 'metrics'> {
  healAfterMs: number;
  metrics?: Pick<PlannerMetrics, 'healed' | 'lost' | 'setAside' | 'oldestOpen'>;
}

/** Between two walks. */
export const sweepEveryMs = 2_000;
/** After a portion of which little was closed: a hundred thousand that wait for their mail server cost a few percent. */
const restMs = 200;
/** After one of which much was closed: Postgres has twice as long for others as it had for us. */
const restOfWork = 2;
/** Where lanes have records to read, nothing is known to be lost, and nobody asks again before. */
const askEveryMs = 5_000;
/** A walk begins at the first open request of the one before: what is closed stays in the index until it is vacuumed. */
const wholeWalkEveryMs = 30_000;
/** Statements that are under way store rows that are a little older than what is seen already. */
const slackMs = 60_000;
const start: Place = { since: '-infinity', requestId: '00000000-0000-0000-0000-000000000000' };

interface Walk {
  from: Place;
  at: Place;
  wholeAtMs: number;
  first: Place | undefined;
  oldestMs: number | undefined;
  passage: Passage | undefined;
  passageAskedAtMs: number;
}

export interface Sweep {
  /** One walk through what is open. */
  walk(): Promise<void>;
  stop(): Promise<void>;
}

export function createSweep(parts: SweepParts, signal: AbortSignal): Sweep {
  const { db, logger, metrics, healAfterMs } = parts;
  const lease = createSweepLease(db, 'open-requests');
  const walks = new Map<Priority, Walk>(
    priorities.map((priority) => [
      priority,
      {
        from: start,
        at: start,
        wholeAtMs: -Infinity,
        first: undefined,
        oldestMs: undefined,
        passage: undefined,
        passageAskedAtMs: -Infinity,
      },
    ]),
  );

  async function walk(): Promise<void> {
    for (let left = begin(); left.length > 0; ) {
      if (!(await lease.hold())) return metrics?.oldestOpen(undefined);
      const startedAt = performance.now();
      const portions = await lookAtOpen(
        db,
        new Map(left.map((priority) => [priority, walkOf(priority).at])),
        healAfterMs,
      );
      const closed = await close(portions.flatMap(({ balanced }) => balanced));
      const tookMs = performance.now() - startedAt;
      for (const portion of portions) await takeIn(portion);
      if (closed > 0) logger.debug({ closed }, 'requests are done, their numbers balance');
      left = portions.filter(({ hasMore }) => hasMore).map(({ priority }) => priority);
      const restingMs = restOfWork * tookMs + (closed > perPriority / 10 ? 0 : restMs);
      if (left.length > 0) await pauseFor(restingMs, signal);
    }
    for (const priority of priorities) end(priority);
  }

  async function close(requestIds: readonly string[]): Promise<number> {
    try {
      return await closeBalanced(db, requestIds);
    } catch (error) {
      if (!(error instanceof StatementUndoneError)) throw error;
    }
    return runEach(parts, 'close', requestIds, (requestId) => closeBalanced(db, [requestId]));
  }

  function begin(): Priority[] {
    for (const walk of walks.values()) {
      const isWhole = performance.now() - walk.wholeAtMs > wholeWalkEveryMs;
      if (isWhole) Object.assign(walk, { from: start, wholeAtMs: performance.now() });
      Object.assign(walk, { at: walk.from, first: undefined, oldestMs: undefined });
    }
    return [...priorities];
  }

  async function takeIn({ priority, first, last, oldestMs, quiet }: LookedAt): Promise<void> {
    const walk = walkOf(priority);
    walk.at = last;
    walk.first ??= first;
    walk.oldestMs ??= oldestMs ?? undefined;
    if (quiet.length > 0) await heal(priority, quiet, walk);
  }

  /**
   * Heals only what was published before all that is in the lanes now, or was lately, had come through. Each portion waits
   * for a passage of its own: so the records of the one before are read first, and healing never floods its lanes.
   */
  async function heal(priority: Priority, quiet: readonly string[], walk: Walk): Promise<void> {
    if (performance.now() - walk.passageAskedAtMs < askEveryMs) return;
    const isTooOld = walk.passage && performance.now() - walk.passage.startedAtMs > healAfterMs;
    if (!walk.passage || isTooOld) walk.passage = startPassageOf(parts, priority);
    if (!(await walk.passage.check())) {
      walk.passageAskedAtMs = performance.now();
      logger.info({ priority, requests: quiet.length }, 'requests do not move, but there are records to read');
      return;
    }
    walk.passage = undefined;
    const count = await healDirect(parts, quiet);
    metrics?.healed(count);
    if (count > 0) logger.warn({ priority, count, requestIds: quiet.slice(0, 5) }, 'lost people are published again');
  }

  function end(priority: Priority): void {
    const walk = walkOf(priority);
    metrics?.oldestOpen({ priority, sinceMs: walk.oldestMs });
    const since = new Date((walk.first ? Date.parse(walk.first.since) : Date.now()) - slackMs).toISOString();
    walk.from = { ...start, since };
  }

  function walkOf(priority: Priority): Walk {
    const walk = walks.get(priority);
    if (!walk) throw new Error(`there is no priority ${priority}`);
    return walk;
  }

  return {
    walk,
    async stop() {
      await lease.release().catch((error: unknown) => {
        if (!(error instanceof DependencyError)) throw error;
      });
    },
  };
}
