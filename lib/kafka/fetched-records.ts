// What a fetch brought of one partition, as records. kafkajs gives up the whole fetch for one batch that it cannot read,
// and comes back to it for ever; here such a batch becomes one record with its fault, and the lane goes on behind it.
import { createRequire } from 'node:module';
import { describeError, PermanentError } from '../errors.ts';
import type { KafkaMessage } from './client.ts';
import { unpack } from './compression.ts';
import { batchHeadBytes, type FetchedRecord, maxUnpackedBytes, readBatch, readBatchHead } from './record-batch.ts';

/** What all partitions of one fetch may take, in memory or in vain: what would come after that is fetched again. */
const maxFetchCost = 32 * 1024 * 1024;
/** Offset, length, four bytes more, and the magic that says how the rest is to be read. */
const magicAt = 16;
/** A batch whose length says less than this is none. */
const leastLength = 14;

const faults = new WeakMap<object, PermanentError>();

/** @returns why the batch behind this record cannot be read; its value then is the batch as it came */
export function findBatchFault(message: KafkaMessage): PermanentError | undefined {
  return faults.get(message);
}

/** Bytes of memory and of unpacking in one fetch, counted over its partitions. */
export interface FetchBudget {
  spent: number;
}

/** @param bytes the records of one partition as they came: whole batches, and a last one that may be cut off */
export async function readFetched(bytes: Buffer, budget: FetchBudget): Promise<FetchedRecord[]> {
  const found: FetchedRecord[] = [];
  for (let at = 0; bytes.length - at > magicAt; ) {
    if (budget.spent > maxFetchCost) break;
    const length = bytes.readInt32BE(at + 8);
    const end = at + 12 + length;
    if (length >= leastLength && end > bytes.length) break;
    const isBatch = length >= leastLength;
    const batch = bytes.subarray(at, isBatch ? end : bytes.length);
    // Not spread into `push`: a batch may hold more records than a call takes arguments.
    for (const record of await readAny(batch, budget)) found.push(record);
    if (!isBatch) break;
    at = end;
  }
  return found;
}

async function readAny(batch: Buffer, budget: FetchBudget): Promise<FetchedRecord[]> {
  const magic = batch.readInt8(magicAt);
  if (magic !== 2) return readOld(batch, budget);
  if (batch.length < batchHeadBytes)
    return [toFaulty(batch, { fault: new PermanentError('batch_unreadable', 'it is cut short') })];
  const head = readBatchHead(batch);
  const lastOffset = String(head.lastOffset);
  try {
    const { records, cost } = await readBatch(batch, head);
    budget.spent += cost;
    // A batch without its last record, or without any (compaction): kafkajs would ask for it again and again.
    if (records.at(-1)?.offset !== lastOffset) records.push(toEnd(lastOffset, head.context));
    return records;
  } catch (error) {
    // It may have taken all the work that one batch may; the next ones are for the next fetch, behind a heartbeat.
    if ((head.attributes & 7) !== 0) budget.spent += maxUnpackedBytes;
    return [
      toFaulty(batch, {
        fault: toFault(error, `${head.firstOffset} to ${head.lastOffset}`),
        lastOffset,
        timestamp: String(head.maxTimestamp),
        isControlRecord: head.isControl,
        batchContext: head.context,
      }),
    ];
  }
}

const { MessageSetDecoder, Decoder } = requireFromKafkajs();

/** Magic 0 and 1, of brokers before Kafka 4 and topics that were made before 0.11: kafkajs reads them, one at a time. */
async function readOld(entry: Buffer, budget: FetchBudget): Promise<FetchedRecord[]> {
  const offset = String(entry.readBigInt64BE(0));
  try {
    const messages = await MessageSetDecoder(new Decoder(entry), entry.length);
    if (messages.length === 0) throw new PermanentError('batch_unreadable', 'it is cut short');
    budget.spent += messages.reduce((sum, { value }) => sum + (value?.length ?? 0), 0);
    return messages.map((message) => ({ ...asEmpty, ...message }));
  } catch (error) {
    return [toFaulty(entry, { fault: toFault(error, offset), lastOffset: offset })];
  }
}

const noTransaction = { producerId: '-1', inTransaction: false };
const asEmpty: FetchedRecord = {
  magicByte: 2,
  attributes: 0,
  timestamp: '0',
  offset: '0',
  key: null,
  value: null,
  headers: {},
  isControlRecord: false,
  batchContext: noTransaction,
};

/** Passed over by kafkajs, as the markers of transactions are, and moves it behind the batch. */
function toEnd(offset: string, batchContext: FetchedRecord['batchContext']): FetchedRecord {
  return { ...asEmpty, offset, isControlRecord: true, batchContext };
}

function toFaulty(
  batch: Buffer,
  { fault, lastOffset, ...rest }: Partial<FetchedRecord> & { fault: PermanentError; lastOffset?: string },
): FetchedRecord {
  const record = { ...asEmpty, ...rest, offset: lastOffset ?? String(batch.readBigInt64BE(0)), value: batch };
  faults.set(record, fault);
  return record;
}

function toFault(error: unknown, offsets: string): PermanentError {
  const message = `the batch with the offsets ${offsets} cannot be read: ${describeError(error)}`;
  return new PermanentError('batch_unreadable', message, { cause: error });
}

interface KafkajsDecoder {
  buffer: Buffer;
  readInt32(): number;
  canReadBytes(count: number): boolean;
  readBytes(count: number): Buffer;
}
type OldMessage = Pick<FetchedRecord, 'offset' | 'key' | 'value' | 'attributes' | 'magicByte'>;

function requireFromKafkajs() {
  const require = createRequire(import.meta.url);
  return {
    MessageSetDecoder: require('kafkajs/src/protocol/messageSet/decoder') as (
      decoder: KafkajsDecoder,
      size: number,
    ) => Promise<OldMessage[]>,
    Decoder: require('kafkajs/src/protocol/decoder') as new (buffer: Buffer) => KafkajsDecoder,
  };
}

/**
 * Puts this reading in place of kafkajs's, for every client of the process.
 * @param codecs kafkajs's table, which its reading of old message sets asks
 */
export function replaceReading(codecs: Record<number, unknown>): void {
  if (isReplaced) return;
  isReplaced = true;
  for (const codec of [1, 2, 3, 4]) {
    codecs[codec] = () => ({
      compress: refuseToPack,
      decompress: (bytes: Buffer) => unpack(codec, bytes, maxUnpackedBytes),
    });
  }
  const require = createRequire(import.meta.url);
  // Required only when a broker is asked for the first time; so what stands here by then is what is used.
  const file = require.resolve('kafkajs/src/protocol/requests/fetch/v4/decodeMessages');
  require(file);
  const module = require.cache[file];
  if (module) module.exports = decodeMessages;
}

let isReplaced = false;

function refuseToPack(): never {
  throw new Error('nothing of ours is written compressed');
}

/** By the bytes of the whole answer, which its partitions share. */
const budgets = new WeakMap<Buffer, FetchBudget>();

async function decodeMessages(decoder: KafkajsDecoder): Promise<FetchedRecord[]> {
  const size = decoder.readInt32();
  if (size <= 0 || !decoder.canReadBytes(size)) return [];
  const budget = budgets.get(decoder.buffer) ?? { spent: 0 };
  budgets.set(decoder.buffer, budget);
  return readFetched(decoder.readBytes(size), budget);
}
