// The crowd: single requests with one person each over many connections, by autocannon. Its arguments are one JSON text.
import autocannon from 'autocannon';
import { reachablePeople } from './people.ts';
import type { LoadOptions, LoadResult } from './start-load.ts';

// People may come twice in a long load: every call is a request of its own.
const peopleCount = 50_000;

process.stdin.on('end', () => process.exit()).resume();
process.stdout.write(`${JSON.stringify(await run(JSON.parse(process.argv[2] ?? '{}') as LoadOptions))}\n`);

async function run(options: LoadOptions): Promise<LoadResult> {
  const { url, apiKey, templateId, priority, connections, callCount, durationS } = options;
  const bodies = reachablePeople(peopleCount).map(({ id }) =>
    JSON.stringify({ event: { template_id: templateId, priority, user_ids: [id] } }),
  );
  let next = 0;
  const result = await autocannon({
    url,
    connections,
    ...(callCount === undefined ? { duration: durationS ?? 10 } : { amount: callCount }),
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${apiKey}` },
    requests: [{ setupRequest: (request) => ({ ...request, body: bodies[next++ % bodies.length] ?? '' }) }],
  });
  const durationMs = result.finish.getTime() - result.start.getTime();
  return {
    callCount: result.requests.total,
    okCount: result['2xx'],
    failedCount: result.non2xx + result.errors,
    durationMs,
    perSecond: (result['2xx'] / durationMs) * 1000,
    p50Ms: result.latency.p50,
    p99Ms: result.latency.p99,
  };
}
