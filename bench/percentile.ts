// Percentiles of measured values, by nearest rank: every answer is a value that was really measured.

/**
 * @param values in any order; left as they are
 * @param percent above 0, up to 100
 * @returns NaN when there are no values
 */
export function percentile(values: Iterable<number>, percent: number): number {
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.max(1, Math.ceil((percent / 100) * sorted.length)) - 1] ?? Number.NaN;
}

export function median(values: Iterable<number>): number {
  return percentile(values, 50);
}

export interface Rates {
  /** From the start to the last arrival, per second. */
  whole: number;
  /** From the first tenth to the last tenth of the arrivals, without the pipeline's filling and draining, per second. */
  middle: number;
}

/** @param arrivedAtMs in the order of arrival */
export function ratesOf(arrivedAtMs: readonly number[], startedAtMs: number): Rates {
  const count = arrivedAtMs.length;
  const from = Math.floor(count * 0.1);
  const to = Math.ceil(count * 0.9) - 1;
  const spanMs = (arrivedAtMs[to] ?? 0) - (arrivedAtMs[from] ?? 0);
  return {
    whole: (count / ((arrivedAtMs.at(-1) ?? Number.NaN) - startedAtMs)) * 1000,
    middle: ((to - from) / spanMs) * 1000,
  };
}

/** Share of the time between the first and the last arrival that lies in pauses of at least `gapMs`. @returns 0 to 1 */
export function idleShareOf(arrivedAtMs: readonly number[], gapMs: number): number {
  let idleMs = 0;
  for (let at = 1; at < arrivedAtMs.length; at += 1) {
    const pauseMs = (arrivedAtMs[at] ?? 0) - (arrivedAtMs[at - 1] ?? 0);
    if (pauseMs >= gapMs) idleMs += pauseMs;
  }
  const spanMs = (arrivedAtMs.at(-1) ?? 0) - (arrivedAtMs[0] ?? 0);
  return spanMs > 0 ? idleMs / spanMs : 0;
}
