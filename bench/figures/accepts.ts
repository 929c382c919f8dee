// Requests a second that ingest takes durably (each answered when Kafka and Postgres have it), beside a bare echo of
// JSON in hono. The later stages are stopped meanwhile, so that ingest is measured and not the pipeline behind it.

import { letterTemplate } from '../bench-mail.ts';
import { startBenchProcess } from '../bench-process.ts';
import type { FigureContext } from '../run.ts';
import { type LoadOptions, type LoadResult, startLoad } from '../start-load.ts';

export interface Accepts {
  connections: number;
  ingest: LoadResult;
  echo: LoadResult;
  ratio: number;
}

const connections = 32;
const warmUpS = 3;
const durationS = 8;

export async function measureAccepts(context: FigureContext): Promise<Accepts> {
  const { system, log } = context;
  const { services, ingestUrl, apiKey } = system.launched;
  for (const name of ['planner', 'enricher', 'renderer', 'dispatcher'] as const) await services.stopOne(name);
  const echo = startBenchProcess<{ url: string }>('echo.ts', []);
  try {
    const { url } = await echo.next(10_000);
    const options = { apiKey, templateId: letterTemplate, priority: 'low', connections };
    log(`ingest and a bare echo, ${connections} connections, ${durationS} s each`);
    const ingestUnderTest = { ...options, url: `${ingestUrl}/api/v1/send_notification` };
    await run(ingestUnderTest, warmUpS);
    await run({ ...options, url }, warmUpS);
    const ingest = await run(ingestUnderTest, durationS);
    const echoed = await run({ ...options, url }, durationS);
    log(`ingest ${Math.round(ingest.perSecond)}/s, echo ${Math.round(echoed.perSecond)}/s`);
    return { connections, ingest, echo: echoed, ratio: ingest.perSecond / echoed.perSecond };
  } finally {
    await echo.stop();
  }
}

async function run(options: LoadOptions, seconds: number): Promise<LoadResult> {
  const load = startLoad({ ...options, durationS: seconds });
  try {
    return await load.next(seconds * 1000 + 30_000);
  } finally {
    await load.stop();
  }
}
