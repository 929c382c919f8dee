// A consumer that reads what it is told and nothing else: all partitions are paused; for one reading some of one topic
// are sought and resumed until enough has come. kafkajs can read by partition and offset in no other way.
import { DependencyError, describeError } from '../../../lib/errors.ts';
import type { EachBatchPayload, Kafka, KafkaMessage } from '../../../lib/kafka/client.ts';
import { within } from '../../../lib/kafka/within.ts';
import { Job, type Reading, type ReadResult } from './reading.ts';

export interface ReadingConsumer {
  /** One at a time. @throws DependencyError('kafka') when it is not done within the limit */
  read(reading: Reading, limitMs: number): Promise<ReadResult>;
  /** False after a crash: the next reading needs a new one. */
  isUsable(): boolean;
  stop(): Promise<void>;
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
    readUncommitted: true,
    retry: { restartOnFailure: async () => false },
  });
  const everything = topics.map((topic) => ({ topic }));
  const { promise: joined, resolve: hasJoined, reject: hasFailed } = Promise.withResolvers<void>();
  let usable = true;
  let job: Job | undefined;

  // By whole topics only: to pause a single partition ends the pause of all others (kafkajs 2.2.4, subscriptionState).
  function resumeOnly(partitions: readonly number[]): void {
    consumer.pause(everything);
    if (job && partitions.length > 0) consumer.resume([{ topic: job.topic, partitions: [...partitions] }]);
  }

  function begin(begun: Job): void {
    const open = begun.open();
    for (const { partition, next } of open) {
      consumer.seek({ topic: begun.topic, partition, offset: String(next) });
    }
    resumeOnly(open.map(({ partition }) => partition));
  }

  // Runs before the first fetch of every generation of the group.
  consumer.on(consumer.events.GROUP_JOIN, () => {
    resumeOnly([]);
    hasJoined();
    if (job) begin(job);
  });
  consumer.on(consumer.events.CRASH, ({ payload: { error } }) => {
    usable = false;
    hasFailed(error);
    job?.fail(new DependencyError('kafka', `reading broke off: ${describeError(error)}`, { cause: error }));
  });
  // A reading ends here and not in eachBatch, so that the end of its batch is never taken for one of the next reading's.
  // This also comes after batches that hold nothing but markers of transactions, which eachBatch never sees.
  consumer.on(consumer.events.END_BATCH_PROCESS, ({ payload: { topic, partition, lastOffset } }) => {
    if (job?.topic === topic && job.passed(partition, BigInt(lastOffset))) job.finish();
  });

  async function eachBatch({ batch, resolveOffset }: EachBatchPayload): Promise<void> {
    const stretch = job?.topic === batch.topic ? job.stretchOf(batch.partition) : undefined;
    if (!job || !stretch) return;
    for (const message of batch.messages) {
      if (job.take(stretch, message as KafkaMessage)) continue;
      return resumeOnly(job.open().map(({ partition }) => partition));
    }
    resolveOffset(batch.lastOffset());
  }

  async function stop(): Promise<void> {
    usable = false;
    job?.fail(new DependencyError('kafka', 'this service is stopping'));
    await within(stopWithinMs, consumer.disconnect()).catch(() => {});
  }

  async function join(): Promise<void> {
    await consumer.connect();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch });
    await joined;
  }

  try {
    await within(startWithinMs, join());
  } catch (cause) {
    await stop();
    throw new DependencyError('kafka', `Kafka does not let us read: ${describeError(cause)}`, { cause });
  }

  return {
    async read(reading, limitMs) {
      const begun = new Job(reading);
      const timer = setTimeout(() => {
        begun.fail(new DependencyError('kafka', `${reading.topic} was not read within ${limitMs} ms`));
      }, limitMs);
      job = begun;
      try {
        begin(begun);
        return await begun.result;
      } finally {
        clearTimeout(timer);
        job = undefined;
        if (usable) resumeOnly([]);
      }
    },
    isUsable: () => usable,
    stop,
  };
}
