// The door to Kafka: the only file that imports kafkajs. It mends what kafkajs leaves open (an idle timer that eats CPU,
// batches that it cannot read, noisy logs) before anybody gets a client.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import kafkajs, { type KafkaConfig, type LogEntry, type SASLOptions } from 'kafkajs';
import type { KafkaSettings } from '../config.ts';
import { ConfigError, describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { replaceReading } from './fetched-records.ts';
import { reportOffsetJumps } from './offset-jumps.ts';
import { createPartitioner } from './partitioner.ts';

export type {
  Admin,
  Consumer,
  EachBatchPayload,
  IHeaders,
  ITopicConfig,
  Kafka,
  KafkaMessage,
  Message,
  Producer,
  TopicMessages,
} from 'kafkajs';

const { CompressionCodecs, Kafka, logLevel, Partitioners } = kafkajs;

const sameLineEveryMs = 10_000;
const quietParts = new Set(['Connection', 'RequestQueue', 'Consumer', 'Runner']);

/**
 * @param clientId the service's name; brokers show it in their logs and quotas
 * @throws ConfigError when the CA file cannot be read
 */
export function createKafka(settings: KafkaSettings, clientId: string, logger: Logger): kafkajs.Kafka {
  stopIdleTimers();
  replaceReading(CompressionCodecs);
  reportOffsetJumps();
  const config: KafkaConfig = {
    clientId,
    brokers: settings.brokers,
    connectionTimeout: 5_000,
    requestTimeout: 20_000,
    retry: { initialRetryTime: 100, multiplier: 2, factor: 0.2, maxRetryTime: 5_000, retries: 5 },
    logLevel: logLevel.WARN,
    logCreator: () => toPino(logger),
  };
  if (settings.caFile !== undefined) config.ssl = { ca: [readCa(settings.caFile)] };
  else if (settings.ssl) config.ssl = true;
  if (settings.sasl) config.sasl = settings.sasl as SASLOptions;
  return new Kafka(config);
}

export const partitioner = createPartitioner(Partitioners.DefaultPartitioner);

/** Whether kafkajs threw it, and knows what to do about it. */
export function isKafkaError(error: unknown): boolean {
  return error instanceof kafkajs.KafkaJSError;
}

/** kafkajs's name for an answer or a failure, such as REBALANCE_IN_PROGRESS; empty when it has none. */
export function kafkaErrorType(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('type' in at && typeof at.type === 'string') return at.type;
  }
  return '';
}

function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError([`KAFKA_CA_FILE: ${describeError(error)}`]);
  }
}

interface RequestQueue {
  pending: unknown[];
  throttledUntil: number;
}

// kafkajs 2.2.4 re-arms a 1 ms timer on every connection for ever: 4 % CPU when idle. It is needed only while a request
// waits in the queue or the broker throttles.
function stopIdleTimers(): void {
  const require = createRequire(import.meta.url);
  const { prototype } = require('kafkajs/src/network/requestQueue') as {
    prototype: { scheduleCheckPendingRequests: ((this: RequestQueue) => void) & { guarded?: true } };
  };
  const original = prototype.scheduleCheckPendingRequests;
  if (original.guarded) return;
  const guard = function (this: RequestQueue): void {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) original.call(this);
  };
  prototype.scheduleCheckPendingRequests = Object.assign(guard, { guarded: true as const });
}

// What kafkajs calls an error is mostly a retry of its own: a warning for us, and the same one at most every 10 s.
// What its connections and consumers log is thrown as well, and reported where it is caught (run-stage.ts says when a lane
// waits); and answers that come after their connection was given up concern nobody.
function toPino(logger: Logger): (entry: LogEntry) => void {
  const lastWarnedAt = new Map<string, number>();

  function isWorthWarning(line: string): boolean {
    const now = Date.now();
    if (now - (lastWarnedAt.get(line) ?? 0) < sameLineEveryMs) return false;
    if (lastWarnedAt.size > 200) lastWarnedAt.clear();
    lastWarnedAt.set(line, now);
    return true;
  }

  return ({ namespace, log }) => {
    const { message, error } = log as { message: string; error?: unknown };
    const level = !quietParts.has(namespace) && isWorthWarning(`${namespace} ${message}`) ? 'warn' : 'debug';
    logger[level]({ kafkajs: namespace, detail: typeof error === 'string' ? error : undefined }, `kafka: ${message}`);
  };
}
