// What `posthorn dead-letters` works with: Postgres, and the dead letters' topics to read from.

import { z } from 'zod';
import {
  databaseVariables,
  type Environment,
  kafkaVariables,
  readConfig,
  registryVariables,
  toKafkaSettings,
} from '../lib/config.ts';
import type { Db } from '../lib/db/database.ts';
import { createKafka } from '../lib/kafka/client.ts';
import { type Codec, createCodec } from '../lib/kafka/codec.ts';
import { createLogger } from '../lib/logger.ts';
import { createTopics, type Topics } from '../lib/topics.ts';
import { createKeptAdmin } from '../services/admin/kafka/kept-admin.ts';
import { createRecordReader, type RecordReader } from '../services/admin/kafka/record-reader.ts';
import { createDeadLetterIndex, type DeadLetterIndex } from '../services/admin/operator/dead-letters-index.ts';
import { withReadyDatabase } from './ready-database.ts';

export interface LetterDesk {
  db: Db;
  topics: Topics;
  codec: Codec;
  records: RecordReader;
  index: DeadLetterIndex;
}

/** Everything is closed when the work has ended. @throws ConfigError; what the work throws */
export async function withLetterDesk(env: Environment, work: (desk: LetterDesk) => Promise<void>): Promise<void> {
  const config = readConfig(z.object({ ...kafkaVariables, ...registryVariables, ...databaseVariables }), env);
  const settings = toKafkaSettings(config);
  const topics = createTopics(settings.topicPrefix);
  const kafka = createKafka(
    settings,
    'posthorn-dead-letters',
    createLogger({ service: 'dead-letters', level: 'error' }),
  );
  const admin = createKeptAdmin(kafka);
  const records = createRecordReader({ kafka, admin, topics, prefix: settings.topicPrefix });
  const codec = createCodec({ registryUrl: config.SCHEMA_REGISTRY_URL, topics });
  const index = createDeadLetterIndex({ records, topics });
  try {
    await withReadyDatabase(env, 'posthorn-dead-letters', (db) => work({ db, topics, codec, records, index }));
  } finally {
    await records.stop();
    await admin.stop();
  }
}
