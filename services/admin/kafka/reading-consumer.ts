// A consumer that reads what it is told and nothing else: all partitions are paused; for one reading one of them is
// sought and resumed until enough has come. kafkajs can read by partition and offset in no other way.
import { DependencyError, describeError } from '../../../lib/errors.ts';
import type { EachBatchPayload, Kafka, KafkaMessage } from '../../../lib/kafka/client.ts';
import { within } from '../../../lib/kafka/within.ts';

export interface Reading {
  topic: string;
  partition: number;
  /** Inside the partition's range. */
  from: bigint;
  /** The partition's end when the reading was asked for: nothing from there on is waited for. */
  end: bigint;
  limit: number;
}

export interface ReadingConsumer {
  /** One at a time. @throws DependencyError('kafka') when nothing has come within the limit */
  read(reading: Reading, limitMs: number): Promise<KafkaMessage[]>;
  /** False after a crash: the next reading needs a new one. */
  isUsable(): boolean;
  stop(): Promise<void>;
}

interface Job extends Reading {
  found: KafkaMessage[];
  next: bigint;
  isFull: boolean;
  finish(error?: Error): void;
}

/** How long the fetch loop sleeps while everything is paused, so about twice what a reading waits for it. */
const idleRoundMs = 20;
const bytesAtOnce = 512 * 1024;
const startWithinMs = 20_000;
const stopWithinMs = 3_000;

/** @throws DependencyError('kafka') when the group cannot be joined */
export async function startReadingConsumer(
  kafka: Kafka,
  groupId: string,
  topics: readonly string[],
): Promise<ReadingConsumer> {
  const consumer = kafka.consumer({
    groupId,
    allowAutoTopicCreation: false,
    maxWaitTimeInMs: idleRoundMs,
    maxBytesPerPartition: bytesAtOnce,
    maxBytes: bytesAtOnce,
    // What a producer's open transaction holds back is looked at as well.
    readUncommitted: true,
    retry: { restartOnFailure: async () => false },
  });
  const everything = topics.map((topic) => ({ topic }));
  const { promise: joined, resolve: hasJoined, reject: hasFailed } = Promise.withResolvers<void>();
  let usable = true;
  let job: Job | undefined;

  // By whole topics only: to pause a single partition ends the pause of all others (kafkajs 2.2.4, subscriptionState).
  const pauseAll = () => consumer.pause(everything);

  function begin({ topic, partition, next }: Job): void {
    consumer.seek({ topic, partition, offset: String(next) });
    consumer.resume([{ topic, partitions: [partition] }]);
  }

  // Runs before the first fetch of every generation of the group.
  consumer.on(consumer.events.GROUP_JOIN, () => {
    pauseAll();
    hasJoined();
    if (job) begin(job);
  });
  consumer.on(consumer.events.CRASH, ({ payload: { error } }) => {
    usable = false;
    hasFailed(error);
    job?.finish(new DependencyError('kafka', `reading broke off: ${describeError(error)}`, { cause: error }));
  });
  // A reading ends here and not in eachBatch, so that the end of its batch is never taken for one of the next reading's.
  // This also comes after batches that hold nothing but markers of transactions, which eachBatch never sees.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload }) => {
    if (!job || payload.topic !== job.topic || payload.partition !== job.partition) return;
    job.next = BigInt(payload.lastOffset) + 1n;
    if (job.isFull || job.next >= job.end) job.finish();
  });

  async function eachBatch({ batch, resolveOffset }: EachBatchPayload): Promise<void> {
    if (!job || batch.topic !== job.topic || batch.partition !== job.partition) return;
    for (const message of batch.messages) {
      if (BigInt(message.offset) < job.next) continue;
      job.isFull = BigInt(message.offset) >= job.end;
      if (!job.isFull) job.isFull = job.found.push(message) >= job.limit;
      if (job.isFull) return pauseAll();
    }
    resolveOffset(batch.lastOffset());
  }

  async function stop(): Promise<void> {
    usable = false;
    job?.finish(new DependencyError('kafka', 'this service is stopping'));
    await within(stopWithinMs, consumer.disconnect()).catch(() => {});
  }

  try {
    await within(startWithinMs, join());
  } catch (cause) {
    await stop();
    throw new DependencyError('kafka', `Kafka does not let us read: ${describeError(cause)}`, { cause });
  }

  async function join(): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch });
    await joined;
  }

  return {
    async read(reading, limitMs) {
      const { promise, resolve, reject } = Promise.withResolvers<KafkaMessage[]>();
      const found: KafkaMessage[] = [];
      const timer = setTimeout(() => {
        const where = `${reading.topic}, partition ${reading.partition}, offset ${reading.from}`;
        job?.finish(new DependencyError('kafka', `${where} was not read within ${limitMs} ms`));
      }, limitMs);
      job = {
        ...reading,
        found,
        next: reading.from,
        isFull: false,
        finish(error) {
          job = undefined;
          clearTimeout(timer);
          if (usable) pauseAll();
          if (error) reject(error);
          else resolve(found);
        },
      };
      begin(job);
      return promise;
    },
    isUsable: () => usable,
    stop,
  };
}
