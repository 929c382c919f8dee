// F4: a release is rolled out, twice: every service is told to stop and started again, one after the other. With two
// ingests behind a load balancer nobody outside may notice, and nobody gets anything twice.
import { setTimeout as sleep } from 'node:timers/promises';
import { serviceNames } from '../../../dev/services.ts';
import { eventually } from '../../support/eventually.ts';
import type { ExtraService } from '../harness/extra-service.ts';
import { createLoad } from '../harness/load.ts';
import { judge, type Scenario, type Stage } from '../harness/scenario.ts';

const rounds = 2;

export const rollingRestart: Scenario = {
  name: 'F4',
  title: 'rolling SIGTERM of everything, twice, with two ingests',
  async run(stage) {
    const { world, people, singlesPerSecond, from } = stage;
    let second: ExtraService | undefined = await world.startExtra('ingest');
    let turn = 0;
    // As a load balancer does it: in turn, and only those that are not being stopped.
    const out = new Set<string>();
    const ingestUrl = () => {
      const all = [world.launched.ingestUrl, ...(second ? [second.ingestUrl] : [])];
      const ready = all.filter((url) => !out.has(url));
      turn += 1;
      return ready[turn % ready.length] ?? world.launched.ingestUrl;
    };
    const loads = [];
    let slowestStopMs = 0;
    for (let round = 0; round < rounds; round++) {
      const load = createLoad(world, { people, singlesPerSecond, from: from + round * 50_000, ingestUrl });
      loads.push(load);
      await load.begin();
      for (const name of serviceNames) {
        if (name === 'ingest') out.add(world.launched.ingestUrl);
        slowestStopMs = Math.max(slowestStopMs, await restart(stage, name));
        out.clear();
        if (name !== 'ingest' || !second) continue;
        const before: ExtraService = second;
        out.add(before.ingestUrl);
        await before.stop();
        second = undefined;
        second = await world.startExtra('ingest');
        out.clear();
      }
      await load.end();
    }
    const verdict = await judge(stage, loads, { doublesAtMost: 0, unknownAtMost: 0, drainWithinMs: 180_000 });
    const answers = new Map<number, number>();
    for (const load of loads) {
      for (const [status, count] of load.answers) answers.set(status, (answers.get(status) ?? 0) + count);
    }
    const refused = [...answers].filter(([status]) => status >= 500);
    if (refused.length > 0) {
      const said = loads.flatMap(({ refusals }) => [...refusals]);
      verdict.faults.push(`ingest answered ${JSON.stringify(said)}`);
    }
    return {
      ...verdict,
      notes: { 'slowest stop, s': (slowestStopMs / 1_000).toFixed(1), 'answers of 5xx': refused.length },
    };
  },
};

/** @returns how long its end took, milliseconds */
async function restart({ world, log }: Stage, name: (typeof serviceNames)[number]): Promise<number> {
  const { services } = world.launched;
  const pid = services.pid(name);
  // What a load balancer has already sent there is still answered.
  if (name === 'ingest') await sleep(500);
  log(`restarts the ${name}`);
  const startedAtMs = performance.now();
  services.kill(name, 'SIGTERM');
  await eventually(() => services.pid(name) !== pid, `the ${name} stops`, 30_000);
  const tookMs = performance.now() - startedAtMs;
  await eventually(
    async () => services.pid(name) !== undefined && (await world.waitingFor(name))?.length === 0,
    `the ${name} is ready again`,
    60_000,
  );
  return tookMs;
}
