// The door to Kafka: the only file that imports kafkajs. It mends what kafkajs leaves open (an idle timer that eats CPU,
// unbounded decompression, noisy logs) before anybody gets a client.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import kafkajs, { type KafkaConfig, type LogEntry, type SASLOptions } from 'kafkajs';
import type { KafkaSettings } from '../config.ts';
import { ConfigError, describeError } from '../errors.ts';
import type { Logger } from '../logger.ts';
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

const { CompressionCodecs, CompressionTypes, Kafka, KafkaJSNonRetriableError, logLevel, Partitioners } = kafkajs;

/** A broker refuses batches over 1 MB as they arrive; 32 times that is more than any honest text gains by gzip. */
const maxUnpackedBytes = 32 * 1024 * 1024;
const sameLineEveryMs = 10_000;
const quietParts = new Set(['Connection', 'RequestQueue', 'Consumer', 'Runner']);

/**
 * @param clientId the service's name; brokers show it in their logs and quotas
 * @throws ConfigError when the CA file cannot be read
 */
export function createKafka(settings: KafkaSettings, clientId: string, logger: Logger): kafkajs.Kafka {
  stopIdleTimers();
  limitDecompression();
  gatherHeadersOnce();
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

type HeaderRead = { key: string; value: Buffer | null };
type ReadArray = ((this: unknown, reader: unknown) => unknown[]) & { guarded?: true };

// For every header of a record kafkajs 2.2.4 copies all that came before it: a crafted record of 1 MB with 100,000 of them
// blocks the process for minutes, and that of whoever gets its partition next. Here they are gathered in one pass.
function gatherHeadersOnce(): void {
  const require = createRequire(import.meta.url);
  const readHeader: unknown = require('kafkajs/src/protocol/recordBatch/header/v0/decoder');
  const { prototype } = require('kafkajs/src/protocol/decoder') as { prototype: { readVarIntArray: ReadArray } };
  const original = prototype.readVarIntArray;
  if (original.guarded) return;
  const guard: ReadArray = function (reader) {
    const list = original.call(this, reader);
    return reader === readHeader ? Object.assign(list, { reduce: () => toHeaders(list as HeaderRead[]) }) : list;
  };
  prototype.readVarIntArray = Object.assign(guard, { guarded: true as const });
}

/** Without a prototype, so that a header named `__proto__` is one like any other. Repeated ones stand in a list. */
function toHeaders(list: readonly HeaderRead[]): Record<string, unknown> {
  const headers: Record<string, unknown> = Object.create(null);
  for (const { key, value } of list) {
    const before = headers[key];
    if (before === undefined) headers[key] = value;
    else if (Array.isArray(before)) before.push(value);
    else headers[key] = [before, value];
  }
  return headers;
}

// A 1 MB gzip batch can unpack to 1 GB. Open topics are stored uncompressed by the broker (topic-admin.ts); on the
// others a batch beyond the limit stops the lane with this message instead of ending the process out of memory.
function limitDecompression(): void {
  const pack = promisify(gzip);
  const unpack = promisify<Buffer, { maxOutputLength: number }, Buffer>(gunzip);
  CompressionCodecs[CompressionTypes.GZIP] = () => ({
    compress: (encoder: { buffer: Buffer }) => pack(encoder.buffer),
    decompress: async (buffer: Buffer) => {
      try {
        return await unpack(buffer, { maxOutputLength: maxUnpackedBytes });
      } catch (cause) {
        const message = `a gzip batch cannot be unpacked within ${maxUnpackedBytes} bytes: ${describeError(cause)}`;
        throw new KafkaJSNonRetriableError(message);
      }
    },
  });
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
