// What ingest counts, besides the process's own figures. Labels come from closed lists only.
import { Counter, Histogram, type Registry } from 'prom-client';

export interface IngestMetrics {
  /** @param route the pattern, never the path itself */
  answered(route: string, status: number, seconds: number): void;
  batch(count: number): void;
  reported(reports: readonly { type: 'bounce' | 'complaint'; suppresses: string | null }[]): void;
}

export function createIngestMetrics(registry: Registry): IngestMetrics {
  const registers = [registry];
  const requests = new Counter({
    name: 'posthorn_http_requests_total',
    help: 'HTTP requests answered',
    labelNames: ['route', 'status'],
    registers,
  });
  const seconds = new Histogram({
    name: 'posthorn_http_seconds',
    help: 'Time from a request to its answer; for the two POSTs that is the time until Kafka had acknowledged',
    labelNames: ['route'],
    buckets: [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  });
  const batches = new Histogram({
    name: 'posthorn_accepted_batch_records',
    help: 'Requests that were stored and published together',
    buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
    registers,
  });
  const feedback = new Counter({
    name: 'posthorn_feedback_total',
    help: 'Bounces and complaints reported, also again; `permanent`: they suppress the address',
    labelNames: ['type', 'permanent'],
    registers,
  });
  return {
    answered(route, status, duration) {
      requests.inc({ route, status });
      seconds.observe({ route }, duration);
    },
    batch: (count) => batches.observe(count),
    reported(reports) {
      for (const { type, suppresses } of reports) feedback.inc({ type, permanent: String(suppresses !== null) });
    },
  };
}
