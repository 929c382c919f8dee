// The sink process as the bench handles it.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Arrivals } from './arrivals.ts';
import { BenchError } from './bench-error.ts';
import { startBenchProcess } from './bench-process.ts';

export interface Sink {
  readonly pid: number;
  readonly smtpUrl: string;
  read(wanted?: { times: boolean }): Promise<Arrivals>;
  reset(mark?: string): Promise<void>;
  lastMail(): Promise<string>;
  stop(): Promise<void>;
}

export async function startSink(): Promise<Sink> {
  const sink = startBenchProcess<{ smtpUrl: string; controlUrl: string }>('smtp-sink.ts', []);
  const { smtpUrl, controlUrl } = await sink.next(10_000);
  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`${controlUrl}${path}`, { method, signal: AbortSignal.timeout(30_000) });
    if (!response.ok) throw new BenchError(`the sink answered ${response.status} to ${path}`);
    return response;
  };
  return {
    pid: sink.pid,
    smtpUrl,
    read: async (wanted) => (await ask(`/arrivals${wanted?.times ? '?times' : ''}`)).json() as Promise<Arrivals>,
    reset: async (mark = '') => void (await ask(`/reset?mark=${encodeURIComponent(mark)}`, 'POST')),
    lastMail: async () => (await ask('/last')).text(),
    stop: () => sink.stop(),
  };
}

export interface Wait {
  signal: AbortSignal;
  /** Gives up when nothing came for so long. */
  stalledMs: number;
  /** Told about once a second. */
  onProgress?(count: number): void;
}

const askEveryMs = 100;

/** Waits for so many mails; comes back with fewer when they stop coming. */
export async function waitForMails(
  sink: Sink,
  wantedCount: number,
  { signal, stalledMs, onProgress }: Wait,
  countOf: (arrivals: Arrivals) => number = (arrivals) => arrivals.mailCount,
): Promise<void> {
  let best = -1;
  let progressAtMs = performance.now();
  let shownAtMs = progressAtMs;
  for (;;) {
    signal.throwIfAborted();
    const count = countOf(await sink.read());
    const nowMs = performance.now();
    if (count >= wantedCount) return;
    if (count > best) progressAtMs = nowMs;
    best = count;
    if (nowMs - progressAtMs > stalledMs) return;
    if (nowMs - shownAtMs > 1_000) {
      onProgress?.(count);
      shownAtMs = nowMs;
    }
    await sleep(askEveryMs);
  }
}
