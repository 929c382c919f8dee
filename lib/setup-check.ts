// Services check and wait for what `posthorn setup` makes (topics, schemas, migrations); they never make it themselves.
import { setTimeout as delay } from 'node:timers/promises';
import type { Kafka } from 'kafkajs';
import type { Db } from './db/database.ts';
import { missingMigrations } from './db/migrate.ts';
import { describeError } from './errors.ts';
import type { Codec } from './kafka/codec.ts';
import { missingTopics } from './kafka/topic-admin.ts';
import type { Logger } from './logger.ts';
import type { Topics } from './topics.ts';

interface Parts {
  db: Db;
  kafka: Kafka;
  topics: Topics;
  codec: Codec;
  logger: Logger;
}

const pollMs = 1_000;

/**
 * Returns when everything is there, or when the signal is aborted. Says what is missing whenever that changes. Leaves
 * the codec prepared.
 */
export async function waitForSetup(parts: Parts, signal: AbortSignal): Promise<void> {
  let told = '';
  // What does not answer at all takes long to be given up, and nobody who leaves has to wait for that.
  const { promise: aborted, resolve: leave } = Promise.withResolvers<undefined>();
  signal.addEventListener('abort', () => leave(undefined), { once: true });
  while (!signal.aborted) {
    const missing = await Promise.race([findMissing(parts), aborted]);
    if (!missing || missing.length === 0) return;
    const message = missing.slice(0, 3).join(', ') + (missing.length > 3 ? ` and ${missing.length - 3} more` : '');
    if (message !== told) parts.logger.warn(`waiting for \`posthorn setup\`: ${message}`);
    told = message;
    await delay(pollMs, undefined, { signal }).catch(() => undefined);
  }
}

async function findMissing({ db, kafka, topics, codec }: Parts): Promise<string[]> {
  try {
    const migrations = await missingMigrations(db);
    const absent = await missingTopics(kafka, topics);
    if (migrations.length === 0 && absent.length === 0) await codec.prepare();
    return [...migrations.map((name) => `migration ${name}`), ...absent.map((name) => `topic ${name}`)];
  } catch (error) {
    return [describeError(error)];
  }
}
