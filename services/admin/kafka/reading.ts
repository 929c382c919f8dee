// One reading: which stretches of a topic's partitions, what has come of them so far, and when it is enough.
import type { KafkaMessage } from '../../../lib/kafka/client.ts';
import { type StoredRecord, toStored } from './stored-record.ts';

export interface Stretch {
  partition: number;
  /** Inside the partition's range. */
  from: bigint;
  /** Nothing from there on is waited for: at most the partition's end when the reading was asked for. */
  end: bigint;
  /** How many records are looked at, at most. */
  limit: number;
}

export interface Reading {
  topic: string;
  stretches: readonly Stretch[];
  /** Values that are longer are left out. */
  maxValueBytes?: number;
  /** Ends after the first record that this is true for, and returns only that one. */
  find?: (message: KafkaMessage) => boolean;
}

export interface ReadResult {
  /** In the order of their coming: ascending within a partition. */
  records: StoredRecord[];
  /** How many were looked at. */
  lookedAtCount: number;
  /** The byte limit ended it before the stretches were read. */
  isCutShort: boolean;
}

interface OpenStretch extends Stretch {
  next: bigint;
  lookedAtCount: number;
  isDone: boolean;
}

/** What the values of one reading may add up to. */
const maxBytes = 16 * 1024 * 1024;

export class Job {
  readonly topic: string;
  readonly result: Promise<ReadResult>;
  readonly fail: (error: Error) => void;
  readonly #reading: Reading;
  readonly #stretches: OpenStretch[];
  readonly #resolve: (result: ReadResult) => void;
  readonly #records: StoredRecord[] = [];
  #bytes = 0;
  #isFull = false;
  #isFound = false;

  constructor(reading: Reading) {
    const { promise, resolve, reject } = Promise.withResolvers<ReadResult>();
    this.topic = reading.topic;
    this.result = promise;
    this.fail = reject;
    this.#resolve = resolve;
    this.#reading = reading;
    this.#stretches = reading.stretches.map((stretch) => ({
      ...stretch,
      next: stretch.from,
      lookedAtCount: 0,
      isDone: false,
    }));
  }

  stretchOf(partition: number): OpenStretch | undefined {
    return this.#stretches.find((stretch) => stretch.partition === partition && !stretch.isDone);
  }

  /** The stretches that more is wanted of. */
  open(): readonly OpenStretch[] {
    return this.#isFull || this.#isFound ? [] : this.#stretches.filter(({ isDone }) => !isDone);
  }

  /** @returns whether the next record of this stretch is wanted as well */
  take(stretch: OpenStretch, message: KafkaMessage): boolean {
    const offset = BigInt(message.offset);
    if (offset < stretch.next) return true;
    if (offset < stretch.end) {
      stretch.next = offset + 1n;
      stretch.lookedAtCount += 1;
      this.#look(stretch.partition, message);
    }
    stretch.isDone = offset + 1n >= stretch.end || stretch.lookedAtCount >= stretch.limit;
    return !stretch.isDone && !this.#isFull && !this.#isFound;
  }

  /** A batch was gone through. @returns whether nothing is left to wait for */
  passed(partition: number, lastOffset: bigint): boolean {
    const stretch = this.stretchOf(partition);
    if (stretch && this.open().length > 0) {
      stretch.next = lastOffset + 1n;
      stretch.isDone = stretch.next >= stretch.end;
    }
    return this.open().length === 0;
  }

  finish(): void {
    const lookedAtCount = this.#stretches.reduce((sum, stretch) => sum + stretch.lookedAtCount, 0);
    this.#resolve({ records: this.#records, lookedAtCount, isCutShort: this.#isFull });
  }

  #look(partition: number, message: KafkaMessage): void {
    const { find, maxValueBytes } = this.#reading;
    if (find) {
      this.#isFound = find(message);
      if (!this.#isFound) return;
    }
    const record = toStored(this.topic, partition, message, maxValueBytes);
    this.#records.push(record);
    this.#bytes += record.value?.length ?? 0;
    this.#isFull = this.#bytes > maxBytes;
  }
}
