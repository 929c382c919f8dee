// Wires ingest: the HTTP server answers from the first moment (503 until `posthorn setup` has run), then takes requests.
import { setTimeout as delay } from 'node:timers/promises';
import { sql } from 'kysely';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { describeError } from '../../lib/errors.ts';
import { startHttpServer } from '../../lib/http-server.ts';
import { createKafka } from '../../lib/kafka/client.ts';
import { createCodec } from '../../lib/kafka/codec.ts';
import { connectPatiently } from '../../lib/kafka/connect-patiently.ts';
import { createPublisher } from '../../lib/kafka/publisher.ts';
import type { Running, ServiceContext } from '../../lib/lifecycle.ts';
import type { Logger } from '../../lib/logger.ts';
import { createMetrics } from '../../lib/metrics.ts';
import { startOpsServer } from '../../lib/ops-server.ts';
import { waitForSetup } from '../../lib/setup-check.ts';
import { stopInOrder } from '../../lib/stop-in-order.ts';
import { createTopics } from '../../lib/topics.ts';
import { createUserService } from '../../lib/user-service.ts';
import { type AcceptedStore, createAcceptedStore } from './accepted-store.ts';
import { createApiKeys } from './api-keys.ts';
import type { IngestConfig } from './config.ts';
import { createDocsRoutes } from './docs-routes.ts';
import { createFactSource } from './facts.ts';
import { createIntake } from './intake.ts';
import { createIngestMetrics } from './metrics.ts';
import { createRateLimiter } from './rate-limit.ts';
import { createReaders } from './readers.ts';
import { createRoutes } from './routes.ts';
import { createSubmitter } from './submitter.ts';
import { createUnsubscribeRoutes } from './unsubscribe-routes.ts';
import { createUnsubscribeStore } from './unsubscribe-store.ts';

export interface RunningIngest extends Running {
  port: number;
  opsPort: number;
  /** What it answers, as `GET /path/:name`. */
  routes: readonly string[];
}

/** Callers wait for categories; a slow user service must not make them wait long. */
const categoriesTimeoutMs = 1_500;

export async function startIngest(config: IngestConfig, context: ServiceContext): Promise<RunningIngest> {
  const { logger } = context;
  const topics = createTopics(config.kafka.topicPrefix);
  const kafka = createKafka(config.kafka, 'posthorn-ingest', logger);
  const codec = createCodec({ registryUrl: config.registryUrl, topics });
  const publisher = createPublisher({ kafka, codec, logger });
  const db = createDatabase({
    url: config.databaseUrl,
    applicationName: 'posthorn-ingest',
    maxConnections: config.databaseConnections,
    onIdleError: (error) => logger.warn({ err: error }, 'a connection to Postgres broke'),
  });
  const readers = createReaders({
    url: config.databaseUrl,
    maxConnections: config.readConnections,
    onIdleError: (error) => logger.warn({ err: error }, 'a connection to Postgres broke'),
  });
  const registry = createMetrics('ingest');
  const metrics = createIngestMetrics(registry);
  const stopping = new AbortController();
  let setUp = false;
  let databaseUp = true;
  const starting = (): string[] => (setUp ? [] : ['setup']);

  const keys = createApiKeys(db);
  const store = createAcceptedStore(db);
  const intake = createIntake({ store, publish: publisher.publish, topics, logger, onBatch: metrics.batch });
  const users = createUserService({ ...config.userService, timeoutMs: categoriesTimeoutMs });
  const facts = createFactSource({ db, users, logger });
  const submitter = createSubmitter({ facts, store, intake });
  const limiter = createRateLimiter(config.ratePerKey);
  const app = createRoutes({ db, readers, keys, limiter, submitter, metrics, logger, waitingFor: starting });
  app.route('/', createDocsRoutes());
  const { secret, publicUrl } = config;
  const unsubscribes = createUnsubscribeStore(db);
  app.route(
    '/',
    createUnsubscribeRoutes({ secret, publicUrl, store: unsubscribes, metrics, logger, waitingFor: starting }),
  );

  const ops = await startOpsServer({
    host: config.bindHost,
    port: config.opsPort,
    metrics: registry,
    waitingFor: () => [
      ...starting(),
      ...(setUp && !publisher.isUp() ? ['kafka'] : []),
      ...(databaseUp ? [] : ['postgres']),
    ],
  });
  const server = await startHttpServer(app, config.bindHost, config.port).catch(async (error: unknown) => {
    await Promise.all([ops.stop(), db.destroy(), readers.stop()]);
    throw error;
  });
  logger.info({ port: server.port, opsPort: ops.port }, 'starting');

  const run = async (): Promise<void> => {
    await waitForSetup({ db, kafka, topics, codec, logger }, stopping.signal);
    if (!(await connectPatiently(publisher, logger, stopping.signal))) return;
    setUp = true;
    logger.info('taking requests');
    await Promise.all([
      keepHouse(store, logger, stopping.signal),
      watchDatabase(db, (up) => (databaseUp = up), stopping.signal),
    ]);
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
          { what: 'a call', stop: () => server.stop() },
          { what: 'the start', stop: () => running, limitMs: shortLimitMs },
          { what: 'what was accepted', stop: () => Promise.all([intake.drain(), keys.drain()]) },
          { what: 'the producer', stop: () => publisher.disconnect() },
          {
            what: 'the connections to Postgres',
            stop: () => Promise.all([db.destroy(), readers.stop()]),
            limitMs: shortLimitMs,
          },
          { what: 'the ops server', stop: () => ops.stop() },
        ],
        logger,
      );
    },
  };
}

const shortLimitMs = 2_000;

const houseEveryMs = 10 * 60_000;
const houseBatch = 1_000;

/** Idempotency keys are kept 7 days; what is older goes in small batches, so that no request waits behind it. */
async function keepHouse(store: AcceptedStore, logger: Logger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const gone = await store.deleteOld(houseBatch);
      await pause(gone === houseBatch ? 50 : houseEveryMs, signal);
    } catch (error) {
      logger.warn({ err: error }, 'could not delete old rows');
      await pause(houseEveryMs, signal);
    }
  }
}

const watchEveryMs = 5_000;

async function watchDatabase(db: Db, tell: (up: boolean) => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    tell(
      await sql`select 1`.execute(db).then(
        () => true,
        () => false,
      ),
    );
    await pause(watchEveryMs, signal);
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
