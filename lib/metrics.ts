// Prometheus metrics that every stage has. Labels come from closed lists only, so that no metric grows without end.
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

export type { Registry } from 'prom-client';

/** A registry with the process's own figures; what a service counts besides, it adds itself. */
export function createMetrics(service: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ service });
  collectDefaultMetrics({ register: registry });
  return registry;
}

/**
 * What /readyz says, as gauges, so that an alert needs nothing but the metrics.
 * @param waitingFor short names from the code; a lane's state, a dependency, `setup`
 */
export function watchReadiness(registry: Registry, waitingFor: () => readonly string[]): void {
  const registers = [registry];
  new Gauge({
    name: 'posthorn_ready',
    help: '1 while the service waits for nothing, 0 otherwise',
    registers,
    collect() {
      this.set(waitingFor().length === 0 ? 1 : 0);
    },
  });
  new Gauge({
    name: 'posthorn_waiting_for',
    help: '1 for everything that the service waits for',
    labelNames: ['what'],
    registers,
    collect() {
      this.reset();
      for (const what of waitingFor()) this.set({ what }, 1);
    },
  });
}

/** What the stage runtime reports, for one lane. */
export interface StageMetrics {
  consumed(count: number): void;
  forwarded(count: number): void;
  dropped(state: string, reason: string, count: number): void;
  deadLettered(code: string): void;
  tombstone(): void;
  batchSeconds(seconds: number): void;
  lag(partition: number, count: number): void;
  /** Offsets that were deleted before they were read. */
  offsetsLost(count: number): void;
}

/** @param stage the service @param priority the lane's name */
export type StageMetricsFactory = (stage: string, priority: string) => StageMetrics;

export function createStageMetrics(registry: Registry): StageMetricsFactory {
  const registers = [registry];
  const lane = ['stage', 'priority'] as const;
  const counter = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Counter({ name, help, labelNames, registers });
  const consumed = counter('posthorn_records_consumed_total', 'Records read', lane);
  const forwarded = counter('posthorn_records_forwarded_total', 'Records written for the next stage', lane);
  const dropped = counter('posthorn_notifications_ended_total', 'People who ended at this stage', [
    ...lane,
    'state',
    'reason',
  ]);
  const deadLettered = counter('posthorn_records_dead_lettered_total', 'Records put aside', [...lane, 'code']);
  const tombstones = counter('posthorn_records_without_value_total', 'Records without a value, passed over', lane);
  const seconds = new Histogram({
    name: 'posthorn_slice_seconds',
    help: 'Time from a decoded slice to its commit',
    labelNames: lane,
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
    registers,
  });
  const lag = new Gauge({
    name: 'posthorn_lag_records',
    help: 'Records not yet read',
    labelNames: [...lane, 'partition'],
    registers,
  });

  const offsetsLost = counter(
    'posthorn_offsets_lost_total',
    'Offsets of records that were deleted from the topic before they were read',
    lane,
  );

  return (stage, priority) => {
    const labels = { stage, priority };
    // A counter that begins at 20 has not increased for Prometheus.
    offsetsLost.inc(labels, 0);
    return {
      consumed: (count) => consumed.inc(labels, count),
      forwarded: (count) => forwarded.inc(labels, count),
      dropped: (state, reason, count) => dropped.inc({ ...labels, state, reason }, count),
      deadLettered: (code) => deadLettered.inc({ ...labels, code }),
      tombstone: () => tombstones.inc(labels),
      batchSeconds: (value) => seconds.observe(labels, value),
      lag: (partition, count) => lag.set({ ...labels, partition: String(partition) }, count),
      offsetsLost: (count) => offsetsLost.inc(labels, count),
    };
  };
}
