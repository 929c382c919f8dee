// The whole dispatcher on a real broker, registry and Postgres, and a mail server of the test's choice.
import { inject, onTestFinished } from 'vitest';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import { createLogger } from '../../lib/logger.ts';
import { readDispatcherConfig } from '../../services/dispatcher/config.ts';
import { startDispatcher } from '../../services/dispatcher/service.ts';
import { type LyingMailServer, startLyingMailServer } from './lying-mail-server.ts';
import { openStageLab, type StageLab } from './stage-lab.ts';
import { createTestDatabase } from './test-database.ts';

export interface RunningDispatcher extends StageLab {
  db: Db;
  server: LyingMailServer;
  /** `state reason` → how many rows. */
  states(): Promise<Record<string, number>>;
  /** The same, summed over the counters; those at 0 are left out. */
  counted(): Promise<Record<string, number>>;
  /** The same, summed over the minutes. */
  minutes(): Promise<Record<string, number>>;
  ops(path: string): Promise<{ status: number; text: string }>;
}

/**
 * To be called inside a test; stopped with it.
 * @param env further variables of the dispatcher
 * @param prepare what the mail server is to be like from the first moment
 */
export async function openDispatcher(
  env: Record<string, string> = {},
  prepare: (server: LyingMailServer) => Record<string, string> = () => ({}),
): Promise<RunningDispatcher> {
  const server = await startLyingMailServer();
  const prepared = prepare(server);
  const lab = await openStageLab({ partitions: 2 });
  const { databaseUrl, drop } = await createTestDatabase('dispatcher');
  const db = createDatabase({ url: databaseUrl, applicationName: 'test' });
  onTestFinished(async () => {
    await db.destroy();
    await drop();
  });
  await migrate(db);
  const opsPorts: number[] = [];
  const logger = createLogger({ service: 'dispatcher', level: process.env.TEST_LOG_LEVEL ?? 'silent' });
  const info = logger.info.bind(logger);
  logger.info = ((fields: { opsPort?: number }, ...rest: [string]) => {
    if (fields.opsPort !== undefined) opsPorts.push(fields.opsPort);
    info(fields, ...rest);
  }) as typeof logger.info;
  const { KAFKA_BROKERS, SCHEMA_REGISTRY_URL } = inject('infrastructure');
  const running = await startDispatcher(
    readDispatcherConfig({
      KAFKA_BROKERS,
      SCHEMA_REGISTRY_URL,
      KAFKA_TOPIC_PREFIX: lab.topics.requests.name.replace('notifications.requests', ''),
      DATABASE_URL: databaseUrl,
      SMTP_URL: server.smtpUrl,
      SMS_GATEWAY_URL: 'http://127.0.0.1:9/sms',
      OPS_PORT: '0',
      ...env,
      ...prepared,
    }),
    {
      logger,
      fail: (error) => {
        throw error;
      },
    },
  );
  onTestFinished(() => running.stop());
  async function summed(table: 'counters' | 'delivery_minutes'): Promise<Record<string, number>> {
    const rows = await db
      .selectFrom(table)
      .select(({ fn }) => ['state', 'reason', fn.sum<string>('count').as('count')])
      .groupBy(['state', 'reason'])
      .execute();
    const counts = rows.map(({ state, reason, count }) => [`${state} ${reason}`.trim(), Number(count)] as const);
    return Object.fromEntries(counts.filter(([, count]) => count !== 0));
  }
  return {
    ...lab,
    db,
    server,
    async states() {
      const rows = await db
        .selectFrom('deliveries')
        .select(({ fn }) => ['state', 'reason', fn.countAll<number>().as('count')])
        .groupBy(['state', 'reason'])
        .execute();
      return Object.fromEntries(rows.map(({ state, reason, count }) => [`${state} ${reason}`.trim(), count]));
    },
    counted: () => summed('counters'),
    minutes: () => summed('delivery_minutes'),
    async ops(path) {
      const response = await fetch(`http://127.0.0.1:${opsPorts[0]}${path}`);
      return { status: response.status, text: await response.text() };
    },
  };
}
