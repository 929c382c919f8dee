// Starts the crowd (load.ts) as a process of its own, so that what it does disturbs no measuring in main.ts.
import { type BenchProcess, startBenchProcess } from './bench-process.ts';

export interface LoadOptions {
  url: string;
  apiKey: string;
  templateId: string;
  priority: string;
  connections: number;
  /** One of both: so many calls, or so long. */
  callCount?: number;
  durationS?: number;
}

export interface LoadResult {
  callCount: number;
  okCount: number;
  failedCount: number;
  durationMs: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

/** Its one line is the result. */
export function startLoad(options: LoadOptions): BenchProcess<LoadResult> {
  return startBenchProcess<LoadResult>('load.ts', [JSON.stringify(options)]);
}
