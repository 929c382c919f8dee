// Looks at a lane from outside: how far it is behind, and whether it still moves. A consumer can look alive and read
// nothing; then the process has to end, for its supervisor to start a new one.
import { DependencyError, PosthornError } from '../errors.ts';
import type { StageMetrics } from '../metrics.ts';
import type { Kafka } from './client.ts';
import type { Lane } from './lane.ts';
import { type LaneStatus, longestDelayMs } from './lane-status.ts';
import { withAdmin } from './topic-admin.ts';

/** The lane has work and does none of it, and nothing outside explains it. */
export class StuckError extends PosthornError {}

export interface LaneWatch {
  /** The partitions that this process was given. */
  assigned(partitions: readonly number[]): void;
  stop(): void;
}

const answerWithinMs = 10_000;
/** While something is down a try may run into one time limit after the other, and a consumer into those of Kafka. */
const longerWhilePaused = 5;

export function startLaneWatch(options: {
  kafka: Kafka;
  topic: string;
  group: string;
  lane: Lane;
  status: LaneStatus;
  metrics: StageMetrics;
  everyMs: number;
  stuckAfterMs: number;
  onStuck(error: StuckError): void;
}): LaneWatch {
  const { kafka, topic, group, lane, status, metrics } = options;
  const lookout = {};
  let partitions: readonly number[] = [];
  /** When all was last seen to be well, or somebody else to blame. */
  let wellAt = Date.now();
  let stopped = false;
  let timer = setTimeout(look, options.everyMs);

  async function look(): Promise<void> {
    try {
      const lag = await measureLag();
      status.resumed(lookout);
      const isPaused = status.state === 'paused';
      if (status.state === 'running' && lag === 0) wellAt = Date.now();
      const stillMs = Date.now() - Math.max(wellAt, lane.activeAt, status.triedAtMs);
      const limitMs = isPaused ? longerWhilePaused * options.stuckAfterMs + longestDelayMs : options.stuckAfterMs;
      if (stillMs > limitMs && !stopped) {
        const what = isPaused
          ? `has not tried again what waits for ${status.waitingFor}`
          : status.state === 'running'
            ? `has not moved with ${lag} records to read`
            : 'has not joined its group';
        options.onStuck(new StuckError('lane_stuck', `the lane ${what} for ${Math.round(stillMs / 1000)} s`));
      }
    } catch (error) {
      if (!(error instanceof DependencyError)) throw error;
      // A lane without records to write would not notice that Kafka is gone or frozen.
      if (!stopped) status.waits(lookout, error);
      wellAt = Date.now();
    }
    if (!stopped) timer = setTimeout(look, options.everyMs);
  }

  async function measureLag(): Promise<number> {
    const [ends, committed] = await withAdmin(
      kafka,
      async (admin) => [
        await admin.fetchTopicOffsets(topic),
        await admin.fetchOffsets({ groupId: group, topics: [topic] }),
      ],
      answerWithinMs,
    );
    let sum = 0;
    for (const { partition, low, high } of ends) {
      if (!partitions.includes(partition)) continue;
      const stored = BigInt(committed[0]?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
      const position = lane.positions.get(partition) ?? (stored < BigInt(low) ? BigInt(low) : stored);
      const lag = Math.max(0, Number(BigInt(high) - position));
      metrics.lag(partition, lag);
      sum += lag;
    }
    return sum;
  }

  return {
    assigned(given) {
      for (const partition of partitions) if (!given.includes(partition)) metrics.lag(partition, 0);
      partitions = given;
    },
    stop() {
      stopped = true;
      clearTimeout(timer);
    },
  };
}
