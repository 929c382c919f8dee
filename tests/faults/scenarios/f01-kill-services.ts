// F1: one service after the other is killed without warning, every two seconds for a minute.
import { setTimeout as sleep } from 'node:timers/promises';
import { drain } from '../harness/drain.ts';
import { killAtRandom } from '../harness/kill-at-random.ts';
import { createLoad, type Load } from '../harness/load.ts';
import { inFlightAtBreak, judge, type Scenario, type Stage } from '../harness/scenario.ts';

const killMs = 60_000;

export const killServices: Scenario = {
  name: 'F1',
  title: 'SIGKILL of a random service every 2 s for 60 s',
  async run(stage) {
    const { world, people, singlesPerSecond, scale, from } = stage;
    // In the short form nothing is said about speed.
    const calm = scale < 1 ? undefined : createLoad(world, { people, singlesPerSecond, from: from + 50_000 });
    const calmSeconds = calm && (await time(stage, calm, () => sleep(killMs)));

    const load = createLoad(world, { people, singlesPerSecond, from });
    const loads = calm ? [calm, load] : [load];
    let dispatcherCount = 0;
    const seconds = await time(stage, load, async () => {
      dispatcherCount = await killAtRandom(stage, () => killMs * scale);
    });
    const verdict = await judge(stage, loads, {
      doublesAtMost: dispatcherCount * inFlightAtBreak,
      unknownAtMost: dispatcherCount * inFlightAtBreak,
      drainWithinMs: 1_000,
    });
    const notes = { 'kills of the dispatcher': dispatcherCount, 'to the last end, s': seconds.toFixed(0) };
    if (calmSeconds === undefined) return { ...verdict, notes };
    if (seconds > 2 * calmSeconds) {
      verdict.faults.push(`done after ${seconds.toFixed(0)} s, calm after ${calmSeconds.toFixed(0)} s`);
    }
    return { ...verdict, notes: { ...notes, 'calm, s': calmSeconds.toFixed(0) } };
  },
};

/** From the load's first request until nothing is left to do, seconds. */
async function time(stage: Stage, load: Load, meanwhile: () => Promise<unknown>): Promise<number> {
  const startedAtMs = performance.now();
  await load.begin();
  await meanwhile();
  await load.end();
  await drain(stage.world, { withinMs: 240_000, log: stage.log });
  return (performance.now() - startedAtMs) / 1_000;
}
