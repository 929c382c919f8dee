// F11: every record of every topic is produced three times, out of order; then, while services are being killed, the
// topics of requests and of finished messages are read from their beginning, twice. Nobody gets a mail more for it.
import { priorities } from '../../../lib/topics.ts';
import { drain } from '../harness/drain.ts';
import { startDuplicator } from '../harness/duplicator.ts';
import { type Entry, startForeignProducer } from '../harness/foreign-producer.ts';
import { killAtRandom } from '../harness/kill-at-random.ts';
import { createLoad } from '../harness/load.ts';
import { rewind } from '../harness/rewind.ts';
import { inFlightAtBreak, judge, type Scenario, type Stage, type Verdict } from '../harness/scenario.ts';
import { createWrittenLoad, type WrittenLoad } from '../harness/written-load.ts';

const killMs = 60_000;
/** Times killMs. */
const longest = 3;
const times = 3;
const batchSize = 500;
const crowdSize = 400;
const drainWithinMs = 600_000;
const calm = { doublesAtMost: 0, unknownAtMost: 0, drainWithinMs: 1_000 };

export const duplicates: Scenario = {
  name: 'F11',
  title: 'every record produced three times, shuffled; the whole topic replayed twice during F1',
  async run(stage) {
    const { world, people, singlesPerSecond, from } = stage;
    const tripled = createWrittenLoad(world);
    const notes: Verdict['notes'] = { copies: await writeThrice(stage, tripled) };
    const first = await judge(stage, [tripled], { ...calm, drainWithinMs });

    const load = createLoad(world, { people, singlesPerSecond, from: from + 50_000 });
    await load.begin();
    const kills = await replayDuringKills(stage, notes);
    await load.end();
    const atMost = kills * inFlightAtBreak;
    const verdict = await judge(stage, [tripled, load], {
      doublesAtMost: atMost,
      unknownAtMost: atMost,
      drainWithinMs,
    });
    // What had its end before anything was killed was read again as well, and got nothing for it.
    const again = await judge(stage, [tripled], calm);
    const faults = [
      ...first.faults.map((fault) => `three times each: ${fault}`),
      ...again.faults.map((fault) => `three times each, then replayed: ${fault}`),
      ...verdict.faults,
    ];
    notes['doubles of three times each'] = first.tally.doubleResend.length + first.tally.doublePark.length;
    return { ...verdict, faults, notes };
  },
};

/** @returns how many copies were written */
async function writeThrice(stage: Stage, load: WrittenLoad): Promise<number> {
  const { world, random, people, from, log } = stage;
  const { planned, enriched, rendered, outcomes } = world.topics;
  const producer = await startForeignProducer(world);
  const topics = [
    ...priorities.flatMap((priority) => [planned[priority], enriched[priority], rendered[priority]]),
    outcomes,
  ];
  const duplicator = await startDuplicator(world, { topics, producer, random, copies: times - 1 });
  try {
    const entries: Entry[] = [];
    const add = ({ topic, record }: ReturnType<WrittenLoad['single']>) => {
      const value = producer.codec.encode(topic, record);
      for (let copy = 0; copy < times; copy++) {
        // Not even one partition: two of its lanes may meet the same request at the same moment.
        const partition = random.between(0, producer.partitionCount(topic.name) - 1);
        entries.push({ topic: topic.name, partition, key: record.user_ids[0] ?? null, value });
      }
    };
    const crowds = Math.floor(people / 2 / crowdSize);
    for (let at = 0; at < crowds; at++) add(load.crowd(from + at * crowdSize, crowdSize, at));
    for (let at = 0; at < people / 2; at++) add(load.single(from, at));
    const shuffled = random.shuffle(entries);
    for (let at = 0; at < shuffled.length; at += batchSize) await producer.send(shuffled.slice(at, at + batchSize));
    log(`${shuffled.length} records ask for ${load.planned.size} people`);
    for (let before = -1; before !== duplicator.copyCount; ) {
      before = duplicator.copyCount;
      await drain(world, { withinMs: drainWithinMs, log });
      await duplicator.catchUp();
    }
    log(`${duplicator.copyCount} copies of what the stages made of them`);
    return duplicator.copyCount + (shuffled.length / times) * (times - 1);
  } finally {
    await duplicator.stop();
    await producer.stop();
  }
}

/** @returns how often the dispatcher was killed */
async function replayDuringKills(stage: Stage, notes: Verdict['notes']): Promise<number> {
  const { world, scale, log } = stage;
  const { planner, dispatcher } = world.topics.lanes;
  let areReplayed = false;
  const replay = async () => {
    const counts: number[] = [];
    for (let round = 0; round < 2; round++) {
      counts.push(await rewind(world, 'planner', planner));
      counts.push(await rewind(world, 'dispatcher', dispatcher));
      log(`replays ${counts.slice(-2).join(' requests and ')} finished messages`);
    }
    notes.replayed = counts.reduce((sum, count) => sum + count, 0);
  };
  const replaying = replay().finally(() => {
    areReplayed = true;
  });
  // What dies every two seconds reads slowly: the kills go on through the replays, but not for ever.
  const mayKillMs = () => killMs * scale * (areReplayed ? 1 : longest);
  const dispatcherCount = await killAtRandom(stage, mayKillMs);
  await replaying;
  notes['kills of the dispatcher'] = dispatcherCount;
  return dispatcherCount;
}
