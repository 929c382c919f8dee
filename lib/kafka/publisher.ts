// Writes records: one acknowledged request for hundreds of them, cut only where Kafka's limit on a batch asks for it.
// Never idempotent: kafkajs rolls its sequence back when retries run out, and the broker then drops the next
// acknowledged batch as a duplicate. Computed ids absorb what retries write twice.
import { PermanentError } from '../errors.ts';
import type { Logger } from '../logger.ts';
import { type IHeaders, type Kafka, kafkaErrorType, partitioner, type TopicMessages } from './client.ts';
import type { Codec } from './codec.ts';
import { headerNames } from './headers.ts';
import { toKafkaDown } from './kafka-down.ts';
import type { Outgoing } from './stage.ts';
import { withAdmin } from './topic-admin.ts';
import { within } from './within.ts';

/** A record as bytes, for any topic. */
export interface RawRecord {
  topic: string;
  key: Buffer | string | null;
  value: Buffer | null;
  headers: IHeaders;
}

export interface Publisher {
  /** @throws DependencyError('kafka') when it cannot be reached */
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  /** Whether Kafka took what it was last given, or has answered since. */
  isUp(): boolean;
  /**
   * Resolves when every replica that must have the records has them.
   * @throws DependencyError('kafka') when they may not have been written; PermanentError('too_large') for a single
   * record that no batch can hold: then none, or some, of the others are written
   */
  publish(records: readonly Outgoing[]): Promise<void>;
  publishRaw(records: readonly RawRecord[]): Promise<void>;
  /** @throws PermanentError('too_large') */
  encode(record: Outgoing): RawRecord;
}

/** Kafka refuses a partition's batch over 1,048,588 bytes (max.message.bytes), and kafkajs does not retry that. */
const maxBatchBytes = 900_000;
/** Kafka's framing of a record, at most. */
const framingBytes = 70;
/** For one request with all its retries. */
const requestLimitMs = 15_000;
const disconnectLimitMs = 3_000;
const probeEveryMs = 2_000;
const tooLargeTypes = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);

export function createPublisher(options: { kafka: Kafka; codec: Codec; logger: Logger }): Publisher {
  const { kafka, codec, logger } = options;
  const producer = kafka.producer({ createPartitioner: partitioner, allowAutoTopicCreation: false });
  let up = false;
  let probe: NodeJS.Timeout | undefined;
  let closed = false;

  async function attempt(work: () => Promise<unknown>): Promise<void> {
    try {
      await within(requestLimitMs, work());
      up = true;
    } catch (cause) {
      if (tooLargeTypes.has(kafkaErrorType(cause))) {
        throw new PermanentError('too_large', 'Kafka refuses the record as too large', { cause });
      }
      up = false;
      probeUntilUp();
      throw toKafkaDown(cause, 'Kafka does not take records');
    }
  }

  // Whoever asks isUp() before giving us records again would otherwise never learn that Kafka is back.
  function probeUntilUp(): void {
    if (closed || probe) return;
    probe = setTimeout(async () => {
      if (!up)
        up = await withAdmin(kafka, (admin) => admin.listTopics())
          .then(() => true)
          .catch(() => false);
      probe = undefined;
      if (up) logger.info('Kafka answers again');
      else probeUntilUp();
    }, probeEveryMs);
    probe.unref();
  }

  async function publishRaw(records: readonly RawRecord[]): Promise<void> {
    // One request after the other: two messages to one person keep their order.
    for (const topicMessages of toRequests(records)) {
      await attempt(() => producer.sendBatch({ topicMessages, acks: -1, timeout: 10_000 }));
    }
  }

  function encode({ topic, key, event, traceparent }: Outgoing): RawRecord {
    const value = codec.encode(topic, event);
    const headers: IHeaders = traceparent === undefined ? {} : { [headerNames.traceparent]: traceparent };
    const record = { topic: topic.name, key, value, headers };
    if (sizeOf(record) > maxBatchBytes) {
      throw new PermanentError('too_large', `a record of ${value.length} bytes for ${topic.name} is too large`);
    }
    return record;
  }

  return {
    connect: () => attempt(() => producer.connect()),
    disconnect() {
      closed = true;
      clearTimeout(probe);
      return within(disconnectLimitMs, producer.disconnect());
    },
    isUp: () => up,
    publish: async (records) => publishRaw(records.map(encode)),
    publishRaw,
    encode,
  };
}

/** Cuts records into requests of which no topic, so no partition, gets more than a batch may hold. Keeps their order. */
export function toRequests(records: readonly RawRecord[], maxBytes: number = maxBatchBytes): TopicMessages[][] {
  const requests: TopicMessages[][] = [];
  let request = new Map<string, { messages: TopicMessages['messages']; bytes: number }>();
  for (const record of records) {
    const size = sizeOf(record);
    if ((request.get(record.topic)?.bytes ?? -size) + size > maxBytes) {
      requests.push(toTopicMessages(request));
      request = new Map();
    }
    const part = request.get(record.topic) ?? { messages: [], bytes: 0 };
    request.set(record.topic, part);
    part.messages.push({ key: record.key, value: record.value, headers: withoutNulls(record.headers) });
    part.bytes += size;
  }
  if (request.size > 0) requests.push(toTopicMessages(request));
  return requests;
}

function toTopicMessages(request: Map<string, { messages: TopicMessages['messages'] }>): TopicMessages[] {
  return [...request].map(([topic, { messages }]) => ({ topic, messages }));
}

function sizeOf({ key, value, headers }: RawRecord): number {
  let bytes = framingBytes + (value?.length ?? 0) + (key === null ? 0 : Buffer.byteLength(key));
  for (const [name, value] of Object.entries(headers)) {
    const nameBytes = Buffer.byteLength(name);
    for (const one of Array.isArray(value) ? value : [value]) bytes += nameBytes + 10 + Buffer.byteLength(one ?? '');
  }
  return bytes;
}

/** Kafka knows headers without a value, and kafkajs reads them; but it cannot write them. They become empty. */
function withoutNulls(headers: IHeaders): IHeaders {
  const isNull = (value: unknown) => value === null || value === undefined;
  const values: unknown[] = Object.values(headers);
  if (!values.some((value) => isNull(value) || (Array.isArray(value) && value.some(isNull)))) return headers;
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.map((one) => one ?? '') : (value ?? ''),
    ]),
  );
}
