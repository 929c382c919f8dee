// `posthorn setup`: the one deploy step. Topics, schemas, migrations, the first API key and the first log-in; run again,
// it adds what is missing and changes nothing else.
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { firstKeyScopes } from '../domain/key-rights.ts';
import { hashApiKey, newApiKey, toApiKeyHint } from '../lib/api-keys.ts';
import {
  count,
  databaseVariables,
  kafkaVariables,
  readConfig,
  registryVariables,
  toKafkaSettings,
} from '../lib/config.ts';
import { createDatabase, type Db, withDatabase } from '../lib/db/database.ts';
import { migrate } from '../lib/db/migrate.ts';
import { PosthornError } from '../lib/errors.ts';
import { createKafka } from '../lib/kafka/client.ts';
import { registerSchemas } from '../lib/kafka/register-schemas.ts';
import { ensureTopics } from '../lib/kafka/topic-admin.ts';
import { createLogger } from '../lib/logger.ts';
import { findPasswordFault } from '../lib/passwords.ts';
import { createTopics } from '../lib/topics.ts';
import { addKey } from '../services/admin/queries/access-keys.ts';
import { ensureFirstAdmin } from './admin-users.ts';
import type { Call, Command } from './command.ts';

export const setupVariables = z.object({
  ...kafkaVariables,
  ...registryVariables,
  ...databaseVariables,
  KAFKA_PARTITIONS: count(1, 1_000).default(6),
  KAFKA_REPLICATION_FACTOR: count(1, 10).default(1),
  KAFKA_MIN_INSYNC_REPLICAS: count(1, 10).default(1),
  POSTHORN_API_KEY: z.string().min(16, 'must have 16 characters or more').optional(),
  POSTHORN_ADMIN_PASSWORD: z
    .string()
    .refine((password) => !findPasswordFault(password), {
      error: ({ input }) => findPasswordFault(String(input)) ?? '',
    })
    .optional(),
});

export const setup: Command = {
  summary: 'create topics, register schemas, migrate the database: the one deploy step',
  help: `posthorn setup

Creates the topics that are missing, registers the schemas (FULL_TRANSITIVE), migrates the database and, when there is no
API key yet, makes the first one (POSTHORN_API_KEY, or a random one that is printed once); likewise the first log-in to
the admin pages, 'admin' (POSTHORN_ADMIN_PASSWORD, or a random password that is printed once). Run it before every
release; run again, it changes nothing. Services wait until it has run.

Reads KAFKA_BROKERS (and KAFKA_SSL, KAFKA_SASL_…), SCHEMA_REGISTRY_URL, DATABASE_URL, KAFKA_TOPIC_PREFIX,
KAFKA_PARTITIONS (6), KAFKA_REPLICATION_FACTOR (1), KAFKA_MIN_INSYNC_REPLICAS (1), POSTHORN_API_KEY, POSTHORN_ADMIN_PASSWORD.`,
  run: runSetup,
};

async function runSetup({ env, print }: Call): Promise<void> {
  const config = readConfig(setupVariables, env);
  const topics = createTopics(config.KAFKA_TOPIC_PREFIX);
  const logger = createLogger({ service: 'setup', level: 'error' });
  const settings = {
    partitions: config.KAFKA_PARTITIONS,
    replicationFactor: config.KAFKA_REPLICATION_FACTOR,
    minInsyncReplicas: config.KAFKA_MIN_INSYNC_REPLICAS,
  };
  if (settings.minInsyncReplicas > settings.replicationFactor) {
    throw new PosthornError(
      'config_invalid',
      'KAFKA_MIN_INSYNC_REPLICAS is larger than KAFKA_REPLICATION_FACTOR: nothing could ever be written',
    );
  }

  const reports = await ensureTopics(createKafka(toKafkaSettings(config), 'posthorn-setup', logger), topics, settings);
  const created = reports.filter((report) => report.created).length;
  print(`topics: ${created} created, ${reports.length - created} there already`);
  for (const report of reports) for (const difference of report.differences) print(`  ${report.topic}: ${difference}`);
  if (settings.replicationFactor < 2) {
    print(
      '  Records are kept once only (KAFKA_REPLICATION_FACTOR=1): the loss of a broker loses messages. Use 3 in production.',
    );
  }

  const subjects = await registerSchemas({ registryUrl: config.SCHEMA_REGISTRY_URL, topics });
  const registered = subjects.filter((subject) => subject.registered).length;
  print(`schemas: ${registered} registered, ${subjects.length - registered} there already`);

  const db = createDatabase({ url: config.DATABASE_URL, applicationName: 'posthorn-setup', maxConnections: 1 });
  try {
    const ran = await withDatabase(() => migrate(db));
    print(ran.length > 0 ? `database: ${ran.join(', ')}` : 'database: nothing to migrate');
    if (ran.includes('0012-keys-own-requests')) await sayWhoLostFeedback(db, print);
    await ensureFirstKey(db, config.POSTHORN_API_KEY, print);
    await ensureFirstAdmin(db, config.POSTHORN_ADMIN_PASSWORD, print);
  } finally {
    await db.destroy();
  }
}

/** Once, at the upgrade: until then the scope send was enough to report bounces and complaints. */
async function sayWhoLostFeedback(db: Db, print: Call['print']): Promise<void> {
  const keys = await db
    .selectFrom('api_keys')
    .select(['name', 'key_hint', 'scopes'])
    .where('revoked_at', 'is', null)
    .execute();
  const lost = keys.filter(
    ({ scopes }) => scopes.includes('send') && !scopes.includes('feedback') && !scopes.includes('admin'),
  );
  if (lost.length === 0) return;
  print(
    '  These keys may cancel their own requests and no longer report bounces and complaints (POST /api/v1/feedback);',
  );
  print('  where one of them does, make it a key of its own: posthorn keys create --name <who> --scopes feedback');
  for (const { name, key_hint: hint } of lost) print(`    ${hint}  ${name}`);
}

async function ensureFirstKey(db: Db, chosen: string | undefined, print: Call['print']): Promise<void> {
  const anyKey = await db.selectFrom('api_keys').select('api_key_id').limit(1).executeTakeFirst();
  if (anyKey) return;
  const made = chosen ? undefined : newApiKey();
  const key = chosen ?? made?.key ?? '';
  const hint = toApiKeyHint(key);
  await addKey(db, 'cli', {
    apiKeyId: randomUUID(),
    name: 'first key',
    hash: hashApiKey(key),
    hint,
    scopes: firstKeyScopes,
  });
  print(made ? `first API key, shown once: ${made.key}` : 'first API key: the one in POSTHORN_API_KEY');
}
