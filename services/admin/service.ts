// Wires the admin service: pages from the first moment (503 until `posthorn setup` has run), then all of them.
import { createDatabase } from '../../lib/db/database.ts';
import { describeError } from '../../lib/errors.ts';
import { startHttpServer } from '../../lib/http-server.ts';
import { createKafka } from '../../lib/kafka/client.ts';
import { createCodec } from '../../lib/kafka/codec.ts';
import { connectPatiently } from '../../lib/kafka/connect-patiently.ts';
import { createPublisher } from '../../lib/kafka/publisher.ts';
import type { Running, ServiceContext } from '../../lib/lifecycle.ts';
import { createMetrics } from '../../lib/metrics.ts';
import { startOpsServer } from '../../lib/ops-server.ts';
import { waitForSetup } from '../../lib/setup-check.ts';
import { stopInOrder } from '../../lib/stop-in-order.ts';
import { createTopics } from '../../lib/topics.ts';
import { createUserService } from '../../lib/user-service.ts';
import { createApp } from './app.ts';
import type { AdminConfig } from './config.ts';
import { createKeptAdmin } from './kafka/kept-admin.ts';
import { startLagSampler } from './kafka/lag-sampler.ts';
import { createRecordReader } from './kafka/record-reader.ts';
import { createLogIns } from './log-in.ts';
import { createAdminMetrics } from './metrics.ts';
import { createDeadLetterIndex } from './operator/dead-letters-index.ts';
import { startRedriveExecutor } from './operator/redrive-executor.ts';
import { type ReplayRunner, startReplayRunner } from './operator/replay-runner.ts';
import type { Parts } from './parts.ts';
import { createPreviewer } from './preview.ts';
import { noteLag } from './queries/lag-minutes.ts';
import { createViews } from './views.ts';
import { startWatching, type Watching } from './watching.ts';

export interface RunningAdmin extends Running {
  port: number;
  opsPort: number;
  /** What it answers, as `GET /path/:name`. */
  routes: readonly string[];
}

/** Executors go on from where they were; so long they may take to end a step. */
const workLimitMs = 5_000;
const shortLimitMs = 2_000;
/** A million ids over a slow line, stored as they come. */
const uploadMs = 5 * 60_000;
/** To store the people of files by: a million of them never take the connections of pages and log-ins. */
const uploadConnections = 3;

export async function startAdmin(config: AdminConfig, context: ServiceContext): Promise<RunningAdmin> {
  const { logger } = context;
  const topics = createTopics(config.kafka.topicPrefix);
  const kafka = createKafka(config.kafka, 'posthorn-admin', logger);
  const codec = createCodec({ registryUrl: config.registryUrl, topics });
  const publisher = createPublisher({ kafka, codec, logger });
  const kafkaAdmin = createKeptAdmin(kafka);
  const records = createRecordReader({ kafka, admin: kafkaAdmin, topics, prefix: config.kafka.topicPrefix });
  const db = createDatabase({
    url: config.databaseUrl,
    applicationName: 'posthorn-admin',
    maxConnections: config.databaseConnections,
    onIdleError: (error) => logger.warn({ err: error }, 'a connection to Postgres broke'),
  });
  const uploadsDb = createDatabase({
    url: config.databaseUrl,
    applicationName: 'posthorn-admin-uploads',
    maxConnections: uploadConnections,
    onIdleError: (error) => logger.warn({ err: error }, 'a connection to Postgres broke'),
  });
  const lag = startLagSampler({
    admin: kafkaAdmin,
    topics,
    logger,
    note: (minuteMs, { lanes }) => noteLag(db, minuteMs, lanes),
  });
  const stopping = new AbortController();
  let setUp = false;
  let redriving: { stop(): Promise<void> } | undefined;
  const waitingFor = () => (setUp ? [] : ['setup']);
  const parts: Parts = {
    config,
    db,
    uploadsDb,
    kafka,
    topics,
    codec,
    publisher,
    kafkaAdmin,
    records,
    deadLetters: createDeadLetterIndex({ records, topics }),
    lag,
    users: createUserService(config.userService),
    previewer: createPreviewer(),
    views: createViews(),
    logIns: createLogIns(db),
    logger,
    now: Date.now,
    stopping: stopping.signal,
  };
  let watching: Watching | undefined;
  let replaying: ReplayRunner | undefined;
  const registry = createMetrics('admin');
  const metrics = createAdminMetrics(registry);
  metrics.watchDeadLetters(() => parts.deadLetters.size());
  const ops = await startOpsServer({
    host: config.bindHost,
    port: config.opsPort,
    metrics: registry,
    waitingFor: () => [...waitingFor(), ...(watching?.waitingFor() ?? [])],
  });
  const server = await startHttpServer(
    createApp(parts, waitingFor, metrics),
    config.bindHost,
    config.port,
    uploadMs,
  ).catch(async (error: unknown) => {
    await Promise.all([ops.stop(), db.destroy(), uploadsDb.destroy(), parts.previewer.stop()]);
    throw error;
  });
  logger.info({ port: server.port, opsPort: ops.port }, 'starting');

  const run = async (): Promise<void> => {
    await waitForSetup({ db, kafka, topics, codec, logger }, stopping.signal);
    if (!(await connectPatiently(publisher, logger, stopping.signal))) return;
    setUp = true;
    redriving = startRedriveExecutor({ db, topics, codec, publisher, records, logger });
    watching = startWatching({ db, lag, metrics, logger });
    replaying = startReplayRunner({ ...parts, publisher, prefix: config.kafka.topicPrefix });
    logger.info('showing pages');
  };
  const running = run().catch((error: unknown) =>
    context.fail(error instanceof Error ? error : new Error(describeError(error))),
  );

  return {
    port: server.port,
    opsPort: ops.port,
    routes: server.routes,
    async stop() {
      stopping.abort();
      await stopInOrder(
        [
          { what: 'a page', stop: () => server.stop() },
          { what: 'the start', stop: () => running },
          {
            what: 'what operators asked for',
            stop: () => Promise.all([redriving?.stop(), replaying?.stop(), watching?.stop()]),
            limitMs: workLimitMs,
          },
          { what: 'the previews', stop: () => parts.previewer.stop() },
          { what: 'the lag', stop: () => lag.stop(), limitMs: shortLimitMs },
          { what: 'the reader of records', stop: () => records.stop(), limitMs: shortLimitMs },
          { what: 'the connection to Kafka', stop: () => Promise.all([kafkaAdmin.stop(), publisher.disconnect()]) },
          {
            what: 'the connections to Postgres',
            stop: () => Promise.all([db.destroy(), uploadsDb.destroy()]),
            limitMs: shortLimitMs,
          },
          { what: 'the ops server', stop: () => ops.stop() },
        ],
        logger,
      );
    },
  };
}
