import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Admin, createKafka, type Message, type Producer } from '../../lib/kafka/client.ts';
import { createLogger } from '../../lib/logger.ts';
import { createKeptAdmin } from '../../services/admin/kafka/kept-admin.ts';
import { createRecordReader, type RecordReader } from '../../services/admin/kafka/record-reader.ts';
import { type AdminLab, startAdminLab } from '../support/admin-lab.ts';
import { eventually } from '../support/eventually.ts';

let lab: AdminLab;
let producer: Producer;
let admin: Admin;
let reader: RecordReader;
let topic: string;
const offsets = (records: readonly { offset: string }[]) => records.map(({ offset }) => offset);

beforeAll(async () => {
  lab = await startAdminLab();
  producer = lab.kafka.producer({ allowAutoTopicCreation: false });
  admin = lab.kafka.admin();
  await Promise.all([producer.connect(), admin.connect()]);
  topic = lab.topics.rendered.low.name;
  reader = openReader();
  for (let batch = 0; batch < 4; batch++) {
    const messages = Array.from({ length: 25 }, (_, n) => toMessage(batch * 25 + n));
    await producer.send({ topic, messages, acks: -1 });
  }
});
afterAll(async () => {
  await reader?.stop();
  await Promise.all([producer?.disconnect(), admin?.disconnect()]);
  await lab?.stop();
});

function toMessage(number: number, partition = 0): Message {
  return { partition, key: `key ${number}`, value: `value ${number}`, headers: { number: String(number) } };
}

function openReader(brokers = lab.config.kafka.brokers): RecordReader {
  const kafka = createKafka(
    { ...lab.config.kafka, brokers },
    'test',
    createLogger({ service: 'test', level: 'silent' }),
  );
  const keptAdmin = createKeptAdmin(kafka);
  const made = createRecordReader({
    kafka,
    admin: keptAdmin,
    topics: lab.topics,
    prefix: lab.config.kafka.topicPrefix,
  });
  return {
    ...made,
    async stop() {
      await made.stop();
      await keptAdmin.stop();
    },
  };
}

const readerGroups = async () => {
  const { groups } = await admin.listGroups();
  return groups.filter(({ groupId }) =>
    groupId.startsWith(`${lab.config.kafka.topicPrefix}notifications.admin.reader`),
  );
};

describe('the record reader', () => {
  it('reads exactly the record that was asked for, with key, value, headers and time', async () => {
    const record = await reader.read(topic, 0, '37');
    expect(record).toMatchObject({ topic, partition: 0, offset: '37', headers: { number: '37' } });
    expect([record?.key?.toString(), record?.value?.toString()]).toEqual(['key 37', 'value 37']);
    expect(Math.abs((record?.timestampMs ?? 0) - Date.now())).toBeLessThan(120_000);
  });

  it('reads backwards, forwards and many at the same time, each its own', async () => {
    const wanted = ['99', '0', '50', '1', '98', '50', '24', '25'];
    const records = await Promise.all(wanted.map((offset) => reader.read(topic, 0, offset)));
    expect(records.map((record) => record?.value?.toString())).toEqual(wanted.map((offset) => `value ${offset}`));
  });

  it('says that there is nothing past the end, in an empty partition and in one that does not exist', async () => {
    const found = await Promise.all([
      reader.read(topic, 0, '100'),
      reader.read(topic, 1, '0'),
      reader.read(topic, 7, '0'),
      reader.read(topic, 0, 'x'),
    ]);
    expect(found).toEqual([undefined, undefined, undefined, undefined]);
  });

  it('reads a stretch over several batches, and what there is at the end', async () => {
    const middle = await reader.readFrom(topic, 0, '10', 50);
    expect(offsets(middle)).toEqual(Array.from({ length: 50 }, (_, n) => String(10 + n)));
    expect(offsets(await reader.readFrom(topic, 0, '97', 50))).toEqual(['97', '98', '99']);
    expect(await reader.readFrom(topic, 0, '100', 50)).toEqual([]);
  });

  it('reads tombstones, records without a key and records over its fetch size', async () => {
    const large = 'x'.repeat(900_000);
    await producer.send({
      topic: lab.topics.requests.name,
      messages: [
        { partition: 1, key: 'k', value: null },
        { partition: 1, key: null, value: large },
        { partition: 1, key: null, value: '' },
      ],
    });
    const [tombstone, big, empty] = await reader.readFrom(lab.topics.requests.name, 1, '0', 3);
    expect([tombstone?.value, big?.key, big?.value?.length, empty?.value?.length]).toEqual([null, null, 900_000, 0]);
  });

  it('passes over the markers of transactions, also at the end of a partition', async () => {
    const marked = lab.topics.requestsHigh.name;
    const transactional = lab.kafka.producer({
      transactionalId: randomUUID(),
      maxInFlightRequests: 1,
      idempotent: true,
    });
    await transactional.connect();
    const transaction = await transactional.transaction();
    await transaction.send({ topic: marked, messages: [toMessage(0)] });
    await transaction.commit();
    await transactional.disconnect();
    const end = async () => (await admin.fetchTopicOffsets(marked)).find(({ partition }) => partition === 0)?.high;
    await eventually(async () => (await end()) === '2', 'the transaction is committed');
    expect(offsets(await reader.readFrom(marked, 0, '0', 10))).toEqual(['0']);
    expect(await reader.read(marked, 0, '1')).toBeUndefined();
    await producer.send({ topic: marked, messages: [toMessage(2)] });
    expect(await reader.read(marked, 0, '1')).toBeUndefined();
    expect(offsets(await reader.readFrom(marked, 0, '0', 10))).toEqual(['0', '2']);
  });

  it('says that a record is gone when retention has deleted it, and reads on from the first that is left', async () => {
    const old = lab.topics.enriched.low.name;
    await producer.send({ topic: old, messages: Array.from({ length: 10 }, (_, n) => toMessage(n)) });
    await admin.fetchTopicOffsets(old); // kafkajs deletes only in topics it has met
    await admin.deleteTopicRecords({ topic: old, partitions: [{ partition: 0, offset: '6' }] });
    expect(await reader.read(old, 0, '5')).toBeUndefined();
    expect(offsets(await reader.readFrom(old, 0, '0', 10))).toEqual(['6', '7', '8', '9']);
  });

  it('refuses the reading that is one too many, and gives up one that nothing comes of; then it goes on', async () => {
    const toReading = (n: number) => {
      const from = BigInt(n % 100);
      return { topic, stretches: [{ partition: 0, from, end: from + 1n, limit: 1 }] };
    };
    const many = await Promise.allSettled(Array.from({ length: 260 }, (_, n) => reader.readStretches(toReading(n))));
    const refused = many.filter((one) => one.status === 'rejected').map(({ reason }) => reason);
    expect(refused.length).toBe(60);
    for (const reason of refused) expect(reason).toMatchObject({ status: 503 });
    const beyond = { topic, stretches: [{ partition: 1, from: 0n, end: 5n, limit: 5 }] };
    await expect(reader.readStretches(beyond)).rejects.toThrow('was not read within 5000 ms');
    expect((await reader.read(topic, 0, '7'))?.value?.toString()).toBe('value 7');
  });

  it('commits nothing and leaves no group behind', async () => {
    const own = openReader();
    await own.read(topic, 0, '3');
    const groups = await readerGroups();
    expect(groups.length).toBeGreaterThan(0);
    for (const { groupId } of groups) {
      const [committed] = await admin.fetchOffsets({ groupId, topics: [topic] });
      expect(committed?.partitions.map(({ offset }) => offset)).toEqual(['-1', '-1']);
    }
    await own.stop();
    expect((await readerGroups()).length).toBe(groups.length - 1);
  });

  it('says that Kafka does not answer instead of waiting for ever', async () => {
    const lost = openReader(['127.0.0.1:9']);
    await expect(lost.read(topic, 0, '0')).rejects.toMatchObject({ code: 'kafka_down' });
    await lost.stop();
  });
});
