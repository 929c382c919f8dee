// When each topic got its newest record. Kafka tells it with the record only, so the newest one of every partition is
// read when a topic that stands still has changed; one that moves got its newest just now.
import type { Logger } from '../../../lib/logger.ts';
import type { LagView } from './lag-sampler.ts';
import type { RecordReader } from './record-reader.ts';

export interface NewestTimes {
  /** What is known now, by topic name, in milliseconds; the rest is found out behind the scenes. */
  known(view: LagView): ReadonlyMap<string, number>;
}

export function createNewestTimes(records: RecordReader, logger: Logger): NewestTimes {
  const found = new Map<string, { ends: string; atMs: number }>();
  let busy = false;

  async function findOut(view: LagView, names: readonly string[]): Promise<void> {
    for (const topic of names) {
      const ranges = view.positions.topics.get(topic) ?? [];
      const stretches = ranges
        .filter(({ low, high }) => high > low)
        .map(({ partition, high }) => ({ partition, from: high - 1n, end: high, limit: 1 }));
      const result = await records.readStretches({ topic, stretches, maxValueBytes: 0 });
      const atMs = Math.max(...result.records.map(({ timestampMs }) => timestampMs));
      if (Number.isFinite(atMs)) found.set(topic, { ends: toEnds(view, topic), atMs });
    }
  }

  return {
    known(view) {
      const unknown: string[] = [];
      const known = new Map<string, number>();
      for (const { name, keptCount, ratePerS } of view.facts.topics) {
        const ends = toEnds(view, name);
        if (keptCount > 0 && ratePerS) found.set(name, { ends, atMs: view.facts.atMs });
        const one = found.get(name);
        if (one) known.set(name, one.atMs);
        if (keptCount > 0 && one?.ends !== ends) unknown.push(name);
      }
      if (unknown.length > 0 && !busy) {
        busy = true;
        findOut(view, unknown)
          .catch((error: unknown) => logger.warn({ err: error }, 'the newest records could not be read'))
          .finally(() => {
            busy = false;
          });
      }
      return known;
    },
  };
}

function toEnds(view: LagView, topic: string): string {
  return (view.positions.topics.get(topic) ?? []).map(({ high }) => high).join(' ');
}
