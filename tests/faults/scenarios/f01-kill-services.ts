// F1: one service after the other is killed without warning, every two seconds for a minute.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceName } from '../../../dev/services.ts';
import { createLoad } from '../harness/load.ts';
import { inFlightAtBreak, judge, type Scenario } from '../harness/scenario.ts';

const victims: readonly [ServiceName, ...ServiceName[]] = ['ingest', 'planner', 'enricher', 'renderer', 'dispatcher'];
const everyMs = 2_000;
const killMs = 60_000;

export const killServices: Scenario = {
  name: 'F1',
  title: 'SIGKILL of a random service every 2 s for 60 s',
  async run(stage) {
    const { world, random, log, people, singlesPerSecond, scale, from } = stage;
    const load = createLoad(world, { people, singlesPerSecond, from });
    await load.begin();
    const startedAtMs = performance.now();
    let dispatcherCount = 0;
    for (let killed = 0; killed * everyMs < killMs * scale; killed++) {
      const victim = random.pick(victims);
      if (world.launched.services.pid(victim) !== undefined) {
        log(`kills the ${victim}`);
        world.launched.services.kill(victim, 'SIGKILL');
        if (victim === 'dispatcher') dispatcherCount += 1;
      }
      await sleep(everyMs);
    }
    await load.end();
    const verdict = await judge(stage, [load], {
      doublesAtMost: dispatcherCount * inFlightAtBreak,
      unknownAtMost: dispatcherCount * inFlightAtBreak,
      drainWithinMs: 240_000,
    });
    const seconds = (performance.now() - startedAtMs) / 1_000;
    return {
      ...verdict,
      notes: { 'kills of the dispatcher': dispatcherCount, 'seconds to the last end': seconds.toFixed(0) },
    };
  },
};
