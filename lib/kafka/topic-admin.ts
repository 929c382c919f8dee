// Creates the topics (`posthorn setup`), tells whether they are there (services wait for them) and how far a group is.
import { setTimeout as sleep } from 'node:timers/promises';
import { recordTopics, type Topics } from '../topics.ts';
import type { Admin, ITopicConfig, Kafka } from './client.ts';
import { toKafkaDown } from './kafka-down.ts';
import { within } from './within.ts';

export interface TopicSettings {
  partitions: number;
  replicationFactor: number;
  minInsyncReplicas: number;
}

export interface TopicReport {
  topic: string;
  created: boolean;
  /** Where an existing topic is not as Posthorn would create it, for people to decide; nothing is changed. */
  differences: string[];
}

/** Kafka's own default, said aloud because the publisher cuts its batches by it. */
const recordBytes = 1_048_588;
/** A dead letter is the largest record plus its cause. */
const deadLetterBytes = 2 * 1024 * 1024;
const configResourceTopic = 2;
const leadersWithinMs = 30_000;
const disconnectLimitMs = 2_000;

/**
 * Creates what is missing and changes nothing that is there.
 * @throws DependencyError('kafka') when Kafka cannot be reached or refuses
 */
export async function ensureTopics(kafka: Kafka, topics: Topics, settings: TopicSettings): Promise<TopicReport[]> {
  const wanted = toTopicConfigs(topics, settings);
  return withAdmin(kafka, async (admin) => {
    const present = new Set(await admin.listTopics());
    const missing = wanted.filter(({ topic }) => !present.has(topic));
    if (missing.length > 0) {
      // kafkajs's own wait for leaders fails when the broker has not heard of the topic yet.
      await admin.createTopics({ topics: missing, timeout: 15_000, waitForLeaders: false });
      await untilLed(admin, missing);
    }
    const existing = wanted.filter(({ topic }) => present.has(topic));
    const differences = existing.length > 0 ? await findDifferences(admin, existing) : new Map<string, string[]>();
    return wanted.map(({ topic }) => ({
      topic,
      created: !present.has(topic),
      differences: differences.get(topic) ?? [],
    }));
  });
}

/** The names of topics that do not exist yet. @throws DependencyError('kafka') */
export async function missingTopics(kafka: Kafka, topics: Topics): Promise<string[]> {
  const present = new Set(await withAdmin(kafka, (admin) => admin.listTopics()));
  return allTopics(topics).filter((topic) => !present.has(topic));
}

/** A connection for a short piece of work; kept ones cost timers. @throws DependencyError('kafka'), also after limitMs */
export async function withAdmin<T>(kafka: Kafka, work: (admin: Admin) => Promise<T>, limitMs = 60_000): Promise<T> {
  const admin = kafka.admin();
  try {
    return await within(
      limitMs,
      admin.connect().then(() => work(admin)),
    );
  } catch (cause) {
    throw toKafkaDown(cause, 'Kafka does not answer');
  } finally {
    await within(disconnectLimitMs, admin.disconnect()).catch(() => {});
  }
}

/** The metadata names a leader before that leader knows it: only one that tells its offsets takes records. */
async function untilLed(admin: Admin, created: readonly ITopicConfig[]): Promise<void> {
  const isLed = async ({ topic }: ITopicConfig) => (await admin.fetchTopicOffsets(topic)).length > 0;
  const deadlineMs = Date.now() + leadersWithinMs;
  for (const topic of created) {
    while (!(await isLed(topic).catch(() => false))) {
      if (Date.now() > deadlineMs) throw new Error(`new topics have no leaders after ${leadersWithinMs} ms`);
      await sleep(50);
    }
  }
}

function allTopics(topics: Topics): string[] {
  return [...recordTopics(topics), ...Object.values(topics.deadLetters)].map(({ name }) => name);
}

function toTopicConfigs(topics: Topics, settings: TopicSettings): ITopicConfig[] {
  const open = new Set([topics.requests.name, topics.requestsHigh.name]);
  const toConfig = (name: string, retentionMs: number, maxBytes: number): ITopicConfig => {
    const entries: Record<string, string> = {
      'cleanup.policy': 'delete',
      // A client's clock an hour ahead is otherwise refused for good.
      'message.timestamp.type': 'LogAppendTime',
      'retention.ms': String(retentionMs),
      'max.message.bytes': String(maxBytes),
      'min.insync.replicas': String(settings.minInsyncReplicas),
      // Anybody writes here: the broker unpacks, so that no crafted batch unpacks in our processes.
      ...(open.has(name) && { 'compression.type': 'uncompressed' }),
    };
    return {
      topic: name,
      numPartitions: settings.partitions,
      replicationFactor: settings.replicationFactor,
      configEntries: Object.entries(entries).map(([entry, value]) => ({ name: entry, value })),
    };
  };
  return [
    ...recordTopics(topics).map(({ name, retentionMs }) => toConfig(name, retentionMs, recordBytes)),
    ...Object.values(topics.deadLetters).map(({ name, retentionMs }) => toConfig(name, retentionMs, deadLetterBytes)),
  ];
}

async function findDifferences(admin: Admin, wanted: ITopicConfig[]): Promise<Map<string, string[]>> {
  const names = wanted.map(({ topic }) => topic);
  const [metadata, configs] = await Promise.all([
    admin.fetchTopicMetadata({ topics: names }),
    admin.describeConfigs({
      includeSynonyms: false,
      resources: names.map((name) => ({ type: configResourceTopic, name })),
    }),
  ]);
  return new Map(
    wanted.map(({ topic, numPartitions, replicationFactor, configEntries = [] }) => {
      const partitions = metadata.topics.find(({ name }) => name === topic)?.partitions ?? [];
      const entries = configs.resources.find(({ resourceName }) => resourceName === topic)?.configEntries ?? [];
      const pairs = [
        ['partitions', String(numPartitions), String(partitions.length)],
        ['replication factor', String(replicationFactor), String(partitions[0]?.replicas.length)],
        ...configEntries.map(({ name, value }) => {
          const found = entries.find(({ configName }) => configName === name);
          return [name, value, found?.configValue ?? 'not known'];
        }),
      ];
      const differing = pairs.filter(([, want, has]) => want !== has);
      return [topic, differing.map(([name, want, has]) => `${name} is ${has}, not ${want}`)];
    }),
  );
}
