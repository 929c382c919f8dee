// F10: among 100,000 requests that a foreign producer writes, one in a hundred records is poison of some kind, in every
// topic. Each ends as exactly one dead letter of the stage that reads it, no process ends, and all others are served.
import { recordTopics, type StageName } from '../../../lib/topics.ts';
import { countDeadLetters, type FoundLetter, readDeadLetters } from '../harness/dead-letters.ts';
import { type Entry, type ForeignProducer, startForeignProducer, toPlace } from '../harness/foreign-producer.ts';
import { readMetric } from '../harness/read-metric.ts';
import { judge, type Scenario, type Stage } from '../harness/scenario.ts';
import { createWrittenLoad, type WrittenLoad } from '../harness/written-load.ts';
import { forgedHeaders, oddHeaders } from '../poison/broken-bytes.ts';
import { listPoison, type PoisonKind } from '../poison/kinds.ts';
import { createPoisonKit } from '../poison/kit.ts';

const goodPerPerson = 5;
const poisonShare = 0.01;
const conflictEvery = 400;
const batchSize = 500;
const drainWithinMs = 900_000;
const services = ['admin', 'ingest', 'planner', 'enricher', 'renderer', 'dispatcher'] as const;
const readers: readonly StageName[] = ['planner', 'enricher', 'renderer', 'dispatcher'];

type Expected = Pick<PoisonKind, 'what' | 'stage' | 'code'>;
/** An entry to write; `expected` when it is poison. */
type Item = { entry: Entry; expected?: Expected };

export const poison: Scenario = {
  name: 'F10',
  title: '1 % poison of every kind among 100,000 records',
  async run(stage) {
    const { world, log, people } = stage;
    const pids = () => services.map((name) => `${name} ${world.launched.services.pid(name)}`);
    const pidsBefore = pids();
    const tombstonesBefore = await countTombstones(stage);
    const producer = await startForeignProducer(world);
    const load = createWrittenLoad(world);
    const startedAtMs = performance.now();
    const story = await writeAll(stage, producer, load, people * goodPerPerson).finally(() => producer.stop());
    log(`${load.planned.size} people and ${story.expected.size} poison records are written`);

    const verdict = await judge(stage, [load], {
      doublesAtMost: 0,
      unknownAtMost: 0,
      failed: story.failed,
      drainWithinMs,
    });
    const seconds = (performance.now() - startedAtMs) / 1_000;
    const letters = await readDeadLetters(world);
    const faults = [...verdict.faults, ...compare(story.expected, letters)];
    const pidsAfter = pids();
    pidsAfter.forEach((pid, at) => {
      if (pid !== pidsBefore[at]) faults.push(`a process ended: ${pidsBefore[at]} is ${pid} now`);
    });
    const passedOver = (await countTombstones(stage)) - tombstonesBefore;
    if (passedOver !== story.tombstoneCount) {
      faults.push(`${passedOver} records without a value were counted, ${story.tombstoneCount} were written`);
    }
    const notes = {
      poison: story.expected.size,
      'kinds of it': story.kindCount,
      'dead letters': Object.values(await countDeadLetters(world)).reduce((sum, count) => sum + count, 0),
      'without a value': story.tombstoneCount,
      'seconds to the last end': seconds.toFixed(0),
    };
    return { ...verdict, faults, notes };
  },
};

async function writeAll(
  { world, random, from }: Stage,
  producer: ForeignProducer,
  load: WrittenLoad,
  goodCount: number,
) {
  const kinds = listPoison(await createPoisonKit(world, producer, random));
  const conflictCount = Math.ceil(goodCount / conflictEvery);
  const poisonCount = Math.max(Math.round(goodCount * poisonShare) - conflictCount, kinds.length);
  // Every kind as often as every other, give or take one.
  const queue = random.shuffle(Array.from({ length: poisonCount }, (_, at) => kinds[at % kinds.length] as PoisonKind));
  const everyGood = Math.floor(goodCount / poisonCount);
  const expected = new Map<string, Expected>();
  const failed = new Set<string>();
  const partitionOf = (topic: string) => random.between(0, producer.partitionCount(topic) - 1);
  const topicNames = recordTopics(world.topics).map(({ name }) => name);
  let tombstoneCount = 0;
  let items: Item[] = [];

  const flush = async () => {
    const places = await producer.send(items.map(({ entry }) => entry));
    items.forEach(({ expected: cause }, at) => {
      const place = places[at];
      if (cause && place !== undefined) expected.set(place, cause);
    });
    items = [];
  };
  for (let index = 0; index < goodCount; index++) {
    const { topic, record } = load.single(from, index);
    const partition = partitionOf(topic.name);
    const place = { topic: topic.name, partition, key: record.user_ids[0] ?? null };
    const headers = index % 97 === 0 ? forgedHeaders() : index % 89 === 0 ? oddHeaders() : undefined;
    items.push({ entry: { ...place, value: producer.codec.encode(topic, record), headers } });
    if (index % conflictEvery === 7) {
      // The second body of a request comes behind its first, in the same partition.
      const value = producer.codec.encode(topic, { ...record, context: '{"another":"body"}' });
      const cause = { what: 'another body', stage: 'planner', code: /^request_conflict$/ } as const;
      items.push({ entry: { ...place, value }, expected: cause });
    }
    if (index % 500 === 11) {
      const topic = topicNames[random.between(0, topicNames.length - 1)] ?? '';
      items.push({ entry: { topic, partition: partitionOf(topic), key: 'tombstone', value: null } });
      tombstoneCount += 1;
    }
    if (index % everyGood === 0) {
      const kind = queue.pop();
      if (kind) {
        const { value, headers: hostile, failed: named = [] } = kind.make();
        const entry = { topic: kind.topic, partition: partitionOf(kind.topic), key: 'poison', value, headers: hostile };
        items.push({ entry, expected: kind });
        for (const id of named) {
          failed.add(id);
          load.expectFailed(id);
        }
      }
    }
    if (items.length >= batchSize) await flush();
  }
  await flush();
  return { expected, failed, tombstoneCount, kindCount: kinds.length + 1 };
}

/** Place by place: each poison record has one dead letter, of the right stage with the right cause, and nothing else has. */
function compare(expected: ReadonlyMap<string, Expected>, letters: readonly FoundLetter[]): string[] {
  const faults: string[] = [];
  const seen = new Set<string>();
  for (const { originalTopic, originalPartition, originalOffset, stage, errorCode, errorMessage } of letters) {
    const place = toPlace(originalTopic, originalPartition, originalOffset);
    const poisoned = expected.get(place);
    if (seen.has(place)) faults.push(`${place} (${poisoned?.what}) has a second dead letter`);
    seen.add(place);
    if (!poisoned) faults.push(`${place} was put aside and is no poison: ${errorCode} ${errorMessage}`);
    else if (stage !== poisoned.stage || !poisoned.code.test(errorCode)) {
      faults.push(`${poisoned.what} in ${place} was put aside by the ${stage} with ${errorCode}, not ${poisoned.code}`);
    }
  }
  for (const [place, { what }] of expected) if (!seen.has(place)) faults.push(`${what} in ${place} has no dead letter`);
  const shown = 25;
  return faults.length > shown ? [...faults.slice(0, shown), `and ${faults.length - shown} more`] : faults;
}

async function countTombstones({ world }: Stage): Promise<number> {
  const counts = await Promise.all(
    readers.map((name) => readMetric(world, name, 'posthorn_records_without_value_total')),
  );
  return counts.reduce((sum, count) => sum + count, 0);
}
