// F5: Kafka goes away five times, by turns gently and without warning, and then all its connections are reset every 5 s.
import { setTimeout as sleep } from 'node:timers/promises';
import { createLoad } from '../harness/load.ts';
import { judge, type Scenario } from '../harness/scenario.ts';

const outages = 5;
const downMs = 20_000;
const upMs = 15_000;
const resets = 6;
const resetEveryMs = 5_000;

export const kafkaGoes: Scenario = {
  name: 'F5',
  title: 'Kafka stopped and killed, 20 s, five times; all its connections reset every 5 s',
  async run(stage) {
    const { world, log, people, singlesPerSecond, scale, from } = stage;
    const { kafka } = world.parts;
    const load = createLoad(world, { people, singlesPerSecond, from });
    await load.begin();
    for (let outage = 0; outage < Math.max(1, outages * scale); outage++) {
      const signal = outage % 2 === 0 ? 'SIGKILL' : 'SIGTERM';
      log(`stops Kafka with ${signal}`);
      await kafka.stop(signal);
      await sleep(downMs * Math.max(scale, 0.25));
      log('starts Kafka');
      await kafka.start();
      await sleep(upMs * Math.max(scale, 0.5));
    }
    for (let reset = 0; reset < Math.max(1, resets * scale); reset++) {
      log('resets all connections to Kafka');
      world.kafkaProxy.resetAll();
      await sleep(resetEveryMs);
    }
    await load.end();
    const verdict = await judge(stage, [load], { doublesAtMost: 0, unknownAtMost: 0, drainWithinMs: 240_000 });
    const refused = load.answers.get(503) ?? 0;
    if (refused === 0) verdict.faults.push('ingest never answered 503 while Kafka was away');
    return { ...verdict, notes: { 'answers of 503': refused } };
  },
};
