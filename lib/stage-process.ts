// The wiring that planner, enricher, renderer and dispatcher share: connect, wait for `posthorn setup`, run the lanes,
// answer operators, stop in order. What a service is about, its own service.ts adds through `build`.
import type { Kafka } from 'kafkajs';
import type { KafkaSettings } from './config.ts';
import { createDatabase, type Db } from './db/database.ts';
import { createKafka } from './kafka/client.ts';
import { type Codec, createCodec } from './kafka/codec.ts';
import { connectPatiently } from './kafka/connect-patiently.ts';
import { createPublisher, type Publisher } from './kafka/publisher.ts';
import { type RunningStage, startStage } from './kafka/run-stage.ts';
import type { AnyStage } from './kafka/stage.ts';
import type { Running, ServiceContext } from './lifecycle.ts';
import type { Logger } from './logger.ts';
import { createMetrics, createStageMetrics, type Registry } from './metrics.ts';
import { startOpsServer } from './ops-server.ts';
import { waitForSetup } from './setup-check.ts';
import { stopInOrder } from './stop-in-order.ts';
import { createTopics, type StageName, type Topics } from './topics.ts';

export interface StageProcessConfig {
  kafka: KafkaSettings;
  registryUrl: string;
  databaseUrl: string;
  databaseConnections: number;
  bindHost: string;
  opsPort: number;
  /** Names of the lanes to run; all of the service's when undefined. */
  lanes: string[] | undefined;
  /** Partitions of one lane worked on at the same time. */
  concurrency: number;
}

export interface Parts {
  kafka: Kafka;
  topics: Topics;
  codec: Codec;
  publisher: Publisher;
  db: Db;
  logger: Logger;
  metrics: Registry;
}

export interface Built {
  stages: AnyStage[];
  /** What the service waits for besides its lanes. */
  waitingFor?: () => string[];
  /** Called after the lanes have stopped and before connections close. */
  stop?: () => Promise<void>;
}

/** A statement that a frozen Postgres does not answer is waited for no longer. */
const databaseLimitMs = 2_000;

export async function startStageProcess(
  name: StageName,
  config: StageProcessConfig,
  context: ServiceContext,
  build: (parts: Parts) => Built | Promise<Built>,
): Promise<Running> {
  const { logger } = context;
  const topics = createTopics(config.kafka.topicPrefix);
  const kafka = createKafka(config.kafka, `posthorn-${name}`, logger);
  const codec = createCodec({ registryUrl: config.registryUrl, topics });
  const publisher = createPublisher({ kafka, codec, logger });
  const db = createDatabase({
    url: config.databaseUrl,
    applicationName: `posthorn-${name}`,
    maxConnections: config.databaseConnections,
    onIdleError: (error) => logger.warn({ err: error }, 'a connection to Postgres broke'),
  });
  const metrics = createMetrics(name);

  let setUp = false;
  let built: Built | undefined;
  let lanes: RunningStage[] = [];
  const stopping = new AbortController();
  const ops = await startOpsServer({
    host: config.bindHost,
    port: config.opsPort,
    metrics,
    // Several lanes may wait for the same.
    waitingFor: () => [
      ...new Set([
        ...(setUp ? [] : ['setup']),
        ...(built?.waitingFor?.() ?? []),
        ...lanes.flatMap((lane) => lane.waitingFor() ?? (lane.state() === 'running' ? [] : [`lane ${lane.state()}`])),
      ]),
    ],
  });
  logger.info({ opsPort: ops.port }, 'starting');

  const run = async (): Promise<void> => {
    await waitForSetup({ db, kafka, topics, codec, logger }, stopping.signal);
    if (!(await connectPatiently(publisher, logger, stopping.signal))) return;
    setUp = true;
    built = await build({ kafka, topics, codec, publisher, db, logger, metrics });
    const chosen = built.stages.filter((stage) => !config.lanes || config.lanes.includes(stage.lane.name));
    const stageMetrics = createStageMetrics(metrics);
    lanes = chosen.map((stage) =>
      startStage(stage, {
        kafka,
        codec,
        publisher,
        topics,
        logger: logger.child({ stage: name, priority: stage.lane.name }),
        metrics: stageMetrics(name, stage.lane.name),
        concurrency: config.concurrency,
        onFatal: context.fail,
      }),
    );
    logger.info({ lanes: chosen.map((stage) => stage.lane.name), concurrency: config.concurrency }, 'running');
  };
  const starting = run().catch((error: unknown) =>
    context.fail(error instanceof Error ? error : new Error(String(error))),
  );

  return {
    async stop() {
      stopping.abort();
      await stopInOrder(
        [
          { what: 'the start', stop: () => starting },
          { what: 'a lane', stop: () => Promise.all(lanes.map((lane) => lane.stop())) },
          { what: `the rest of the ${name}`, stop: () => built?.stop?.() },
          { what: 'the producer', stop: () => publisher.disconnect() },
          { what: 'the connections to Postgres', stop: () => db.destroy(), limitMs: databaseLimitMs },
          { what: 'the ops server', stop: () => ops.stop() },
        ],
        logger,
      );
    },
  };
}
