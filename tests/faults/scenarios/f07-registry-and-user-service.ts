// F7: the schema registry is gone for three minutes, half of the time with services that know their schemas (warm), half
// with services that were started meanwhile (cold); then the user service is slow, fails, lies and hangs.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceName } from '../../../dev/services.ts';
import { countDeadLetters } from '../harness/dead-letters.ts';
import { drain } from '../harness/drain.ts';
import { createLoad, type Load } from '../harness/load.ts';
import { judge, type Scenario, type Stage, type Verdict } from '../harness/scenario.ts';
import { describeWaits, watchWaits } from '../harness/wait-watch.ts';

const registryDownMs = 180_000;
const troubleMs = 20_000;
const drainWithinMs = 240_000;
const restarted: readonly ServiceName[] = ['planner', 'enricher', 'renderer', 'dispatcher', 'ingest'];

/** The user service has 5 s for an answer. `pauses`: nothing of it can be served. */
const troubles: readonly { what: string; knobs: Record<string, unknown>; pauses: boolean }[] = [
  { what: 'slow', knobs: { delay_ms: 2_000 }, pauses: false },
  { what: 'too slow', knobs: { delay_ms: 7_000 }, pauses: true },
  { what: '30 % 500', knobs: { error_rate: 0.3 }, pauses: false },
  { what: 'garbage', knobs: { garbage_rate: 1 }, pauses: true },
  { what: 'hanging', knobs: { hang_rate: 1 }, pauses: true },
];

/** What a part of the story adds to the verdict. */
interface Told {
  loads: Load[];
  faults: string[];
  notes: Verdict['notes'];
}

export const registryAndUserService: Scenario = {
  name: 'F7',
  title: 'registry down 3 min, warm and cold; user service slow, 30 % 500, garbage, hanging',
  async run(stage) {
    const { world } = stage;
    const diedBefore = deaths(stage).length;
    const warmUp = createLoad(world, { people: 2_000, singlesPerSecond: 20, from: stage.from });
    await warmUp.begin();
    await warmUp.end();
    const open = await drain(world, { withinMs: drainWithinMs, log: stage.log });
    const parts = [await withoutRegistry(stage), await withBadUserService(stage)];

    const loads = [warmUp, ...parts.flatMap((part) => part.loads)];
    const expected = { doublesAtMost: 0, unknownAtMost: 0, drainWithinMs };
    const verdict = await judge(stage, loads, expected);
    const faults = [...verdict.faults, ...parts.flatMap((part) => part.faults)];
    if (open !== undefined) faults.push(`not even the calm beginning was drained: ${open}`);
    const letters = await countDeadLetters(world);
    for (const [topic, count] of Object.entries(letters)) faults.push(`${count} dead letters in ${topic}`);
    for (const line of deaths(stage).slice(diedBefore)) faults.push(line);
    return { ...verdict, faults, notes: Object.assign({}, ...parts.map((part) => part.notes)) };
  },
};

const deaths = ({ world }: Stage) => world.lines.filter((line) => /^launcher \S+ died/.test(line));

async function withoutRegistry(stage: Stage): Promise<Told> {
  const { world, log, people, singlesPerSecond, scale, from } = stage;
  const { services } = world.launched;
  const faults: string[] = [];

  log('kills the registry: the services know their schemas');
  await world.parts.registry.stop('SIGKILL');
  const downAtMs = performance.now();
  const warm = createLoad(world, { people, singlesPerSecond, from: from + 40_000 });
  await warm.begin();
  const halfMs = (registryDownMs * scale) / 2;
  await untilMailingsDone(stage, warm, Math.max(halfMs, 30_000)).catch((error: Error) => {
    faults.push(`with schemas known, the mailing was not done without the registry: ${error.message}`);
  });
  const warmSeconds = (performance.now() - downAtMs) / 1_000;
  await sleep(Math.max(0, halfMs - (performance.now() - downAtMs)));
  await warm.end();

  log('starts every service anew: none knows a schema');
  const cold = createLoad(world, { people, singlesPerSecond, from: from + 80_000 });
  await cold.begin();
  await Promise.all(restarted.map((name) => services.stopOne(name)));
  for (const name of restarted) services.startOne(name);
  const pids = restarted.map((name) => services.pid(name));
  const watch = watchWaits(world, restarted);
  await sleep(Math.max(10_000, halfMs));
  const watched = await watch.stop();
  const notes: Verdict['notes'] = { 'seconds of the mailing without registry': warmSeconds.toFixed(0) };
  restarted.forEach((name, at) => {
    const one = watched.get(name);
    if (!one || one.answerCount === 0) faults.push(`the ${name} said nothing while the registry was down`);
    else if (one.readyCount > 0) faults.push(`the ${name} called itself ready without a registry`);
    else notes[`cold ${name} waits for`] = [...one.waits.keys()].join(', ');
    if (services.pid(name) !== pids[at]) faults.push(`the ${name} was not left waiting, it ended`);
  });

  log('starts the registry');
  await world.parts.registry.start();
  const upAtMs = performance.now();
  await services.waitReady();
  notes['seconds from registry to all ready'] = ((performance.now() - upAtMs) / 1_000).toFixed(1);
  await cold.end();
  return { loads: [warm, cold], faults, notes };
}

async function withBadUserService(stage: Stage): Promise<Told> {
  const { world, log, people, singlesPerSecond, scale, from } = stage;
  const faults: string[] = [];
  const notes: Verdict['notes'] = {};
  const singles = createLoad(world, { people: 2_000, singlesPerSecond, from: from + 120_000 });
  await singles.begin();
  const loads = [singles];
  for (const [at, { what, knobs, pauses }] of troubles.entries()) {
    log(`the user service is ${what}`);
    const size = Math.max(2_000, Math.floor(people / 10) * 2);
    const load = createLoad(world, { people: size, singlesPerSecond: 0, from: from + 130_000 + at * 10_000 });
    loads.push(load);
    const begun = load.begin();
    await world.setKnobs({ ...knobs, routes: 'users' });
    const watch = watchWaits(world, ['planner', 'enricher']);
    await Promise.all([begun, sleep(Math.max(8_000, troubleMs * scale))]);
    const watched = await watch.stop();
    await world.setKnobs({});
    const clearAtMs = performance.now();
    const enricher = watched.get('enricher');
    if (pauses && !enricher?.waits.has('user-service'))
      faults.push(`no lane paused while the user service was ${what}`);
    await untilMailingsDone(stage, load, drainWithinMs).catch((error: Error) => faults.push(error.message));
    notes[`${what}: enricher waits for`] = (enricher && describeWaits(enricher)) || 'nothing';
    notes[`${what}: seconds to the end of its mailing`] = ((performance.now() - clearAtMs) / 1_000).toFixed(0);
  }
  await singles.end();
  return { loads, faults, notes };
}

async function untilMailingsDone({ world }: Stage, { mailingIds }: Load, withinMs: number): Promise<void> {
  const isDone = ({ state }: { state: string }) => state === 'done';
  await Promise.all(mailingIds.map((id) => world.ingest.untilRequest(id, isDone, 'is done', withinMs)));
}
