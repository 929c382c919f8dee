// Reads what Kafka hands over, slice by slice: as many records as one load, one produce and one commit should carry.
import { PermanentError } from '../errors.ts';
import type { KafkaMessage } from './client.ts';
import type { Codec } from './codec.ts';
import { findBatchFault } from './fetched-records.ts';
import { readHeaders } from './headers.ts';
import type { AnyStage, Incoming } from './stage.ts';

/** A record as it was read: an event, or the reason why it is none. */
export type Item =
  | EventItem
  | { kind: 'unreadable'; message: KafkaMessage; error: PermanentError }
  /** A record without a value: nobody is named in it. */
  | { kind: 'tombstone'; message: KafkaMessage };

export interface EventItem {
  kind: 'event';
  message: KafkaMessage;
  incoming: Incoming<unknown>;
}

export interface SliceLimits {
  maxPeople: number;
  /** Of the records' values as they came. */
  maxBytes: number;
}

interface Messages {
  topic: string;
  partition: number;
  messages: readonly KafkaMessage[];
}

interface Waiting {
  /** Waits out the registry being down. */
  patiently<T>(work: () => Promise<T>): Promise<T>;
}

export interface ItemReader {
  /** Reads records from the index on, until one would no longer belong into the slice. */
  readSlice(messages: Messages, from: number, waiting: Waiting): Promise<Item[]>;
}

export function createItemReader(options: { stage: AnyStage; codec: Codec; slice: SliceLimits }): ItemReader {
  const { stage, codec, slice } = options;
  const { input } = stage.lane;

  async function readItem({ topic, partition }: Messages, message: KafkaMessage, waiting: Waiting): Promise<Item> {
    const fault = findBatchFault(message);
    if (fault) return { kind: 'unreadable', message, error: fault };
    const { value } = message;
    if (value === null) return { kind: 'tombstone', message };
    try {
      const event = codec.decodeKnown(input, value) ?? (await waiting.patiently(() => codec.decode(input, value)));
      const incoming = {
        event,
        key: message.key?.toString() ?? null,
        traceparent: readHeaders(message.headers).traceparent,
        topic,
        partition,
        offset: message.offset,
        timestampMs: Number(message.timestamp),
      };
      return { kind: 'event', message, incoming };
    } catch (error) {
      if (error instanceof PermanentError) return { kind: 'unreadable', message, error };
      throw error;
    }
  }

  function countPeople(item: Item): number {
    // A dead letter is written for it, so that a slice holds no more of them than of people.
    if (item.kind !== 'event') return 1;
    try {
      return stage.countPeople?.(item.incoming.event) ?? 1;
    } catch {
      // Whatever is wrong with the event shows again where the stage works on it, and is judged there.
      return 1;
    }
  }

  return {
    async readSlice(messages, from, waiting) {
      const fits = createSliceBudget(slice);
      const items: Item[] = [];
      for (let index = from; index < messages.messages.length; index++) {
        const message = messages.messages[index];
        if (!message) break;
        const item = await readItem(messages, message, waiting);
        if (!fits(countPeople(item), message.value?.length ?? 0)) break;
        items.push(item);
      }
      return items;
    },
  };
}

/**
 * @returns a function that says whether one more record belongs into the slice; the first always does, for a record that
 * is too large for any slice has to go through as well
 */
export function createSliceBudget(limits: SliceLimits): (people: number, bytes: number) => boolean {
  let recordCount = 0;
  let peopleCount = 0;
  let byteCount = 0;
  return (people, bytes) => {
    const fits = peopleCount + people <= limits.maxPeople && byteCount + bytes <= limits.maxBytes;
    if (recordCount > 0 && !fits) return false;
    recordCount += 1;
    peopleCount += people;
    byteCount += bytes;
    return true;
  };
}
