// Looks at topics and lanes for everybody who looks at the pages: every 5 s while somebody does, once a minute otherwise,
// when it also notes the lag for the charts. However many look, Kafka is asked once.
import { DependencyError, describeError } from '../../../lib/errors.ts';
import type { Logger } from '../../../lib/logger.ts';
import type { Topics } from '../../../lib/topics.ts';
import type { KeptAdmin } from './kept-admin.ts';
import { type LagFacts, toLagFacts } from './lag.ts';
import { type Positions, takeSample } from './take-sample.ts';

export interface LagView {
  facts: LagFacts;
  positions: Positions;
}

export interface LagSampler {
  /** At most 5 s old. @throws DependencyError('kafka') */
  current(): Promise<LagView>;
  /** The last look, however old; undefined when there was none. */
  last(): LagView | undefined;
  /** Somebody looks, until the returned function is called. */
  watch(): () => void;
  stop(): Promise<void>;
}

const freshForMs = 5_000;
/** Rates are means over about so long: lanes commit by the slice, and single steps would jump about. */
const rateOverMs = 20_000;

export function startLagSampler(options: {
  admin: KeptAdmin;
  topics: Topics;
  logger: Logger;
  /** Called with the first look of every minute. */
  note: (minuteMs: number, positions: Positions) => Promise<void>;
  /** A minute, but for tests. */
  noteEveryMs?: number;
}): LagSampler {
  const { admin, topics, logger, note, noteEveryMs = 60_000 } = options;
  let looks: Positions[] = [];
  let asking: Promise<LagView> | undefined;
  let latest: LagView | undefined;
  let notedMinute = Math.floor(Date.now() / noteEveryMs);
  let noting: Promise<void> | undefined;
  let watcherCount = 0;
  let timer = setTimeout(tick, untilNext(noteEveryMs));
  let stopped = false;

  async function look(): Promise<LagView> {
    const positions = await admin.use((one) => takeSample(one, topics, true));
    const cut = positions.atMs - rateOverMs;
    // The newest one that is old enough, and all after it.
    const first = Math.max(
      0,
      looks.findLastIndex(({ atMs }) => atMs <= cut),
    );
    looks = [...looks.slice(first), positions];
    const before = looks.length > 1 ? looks[0] : undefined;
    latest = { facts: toLagFacts(topics, positions, before), positions };
    return latest;
  }

  async function current(): Promise<LagView> {
    if (latest && Date.now() - latest.facts.atMs < freshForMs) return latest;
    asking ??= look().finally(() => {
      asking = undefined;
    });
    return asking;
  }

  async function tick(): Promise<void> {
    try {
      const { positions } = await current();
      const minute = Math.floor(positions.atMs / noteEveryMs);
      if (minute > notedMinute) {
        noting = note(minute * noteEveryMs, positions);
        await noting;
        notedMinute = minute;
      }
    } catch (error) {
      const level = error instanceof DependencyError ? 'warn' : 'error';
      logger[level]({ err: error }, `the lag of the lanes could not be noted: ${describeError(error)}`);
    }
    schedule();
  }

  function schedule(): void {
    clearTimeout(timer);
    if (!stopped)
      timer = setTimeout(tick, watcherCount > 0 ? Math.min(freshForMs, noteEveryMs) : untilNext(noteEveryMs));
  }

  return {
    current,
    last: () => latest,
    watch() {
      watcherCount += 1;
      if (watcherCount === 1) schedule();
      return () => {
        watcherCount -= 1;
      };
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await Promise.allSettled([asking, noting]);
    },
  };
}

/** A little after the full minute, so that what is asked then belongs to it. */
function untilNext(everyMs: number): number {
  return everyMs - (Date.now() % everyMs) + Math.min(500, everyMs / 10);
}
