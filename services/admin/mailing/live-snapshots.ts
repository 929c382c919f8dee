// The numbers of mailings that somebody looks at: read once a second each, however many look, and not at all when nobody
// does. Keeps the last looks, for the rate.
import type { NumbersRow } from '../queries/mailings-numbers.ts';
import { type Sample, toRate } from './live-view.ts';

export interface Snapshot {
  row: NumbersRow;
  /** People who came to an end, a second, over the last seconds; undefined at first. */
  rate: number | undefined;
}

export interface LiveSnapshots {
  /** At most a second old. @throws what reading throws */
  look(requestId: string): Promise<Snapshot>;
}

interface Kept {
  latest: Promise<Snapshot>;
  askedAtMs: number;
  samples: Sample[];
}

const freshMs = 900;
/** Nobody has looked for so long: its samples say nothing of now. */
const forgottenMs = 15_000;
const maxSamples = 15;

export function createLiveSnapshots(
  read: (requestId: string) => Promise<NumbersRow>,
  now: () => number,
): LiveSnapshots {
  const kept = new Map<string, Kept>();

  async function readAnew(requestId: string, samples: Sample[]): Promise<Snapshot> {
    const row = await read(requestId);
    const ended = row.counts.reduce((sum, { state, count }) => (state === 'deferred' ? sum : sum + count), 0);
    samples.push({ atMs: now(), ended });
    if (samples.length > maxSamples) samples.shift();
    return { row, rate: toRate(samples) };
  }

  return {
    look(requestId) {
      const nowMs = now();
      for (const [id, { askedAtMs }] of kept) if (nowMs - askedAtMs > forgottenMs) kept.delete(id);
      const known = kept.get(requestId);
      if (known && nowMs - known.askedAtMs < freshMs) return known.latest;
      const samples = known?.samples ?? [];
      const latest = readAnew(requestId, samples);
      kept.set(requestId, { latest, askedAtMs: nowMs, samples });
      // A look that failed is not kept.
      latest.catch(() => kept.delete(requestId));
      return latest;
    },
  };
}
