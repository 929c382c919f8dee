// F9: consumers come and go every ten seconds, and each time the groups share their partitions anew.
import { setTimeout as sleep } from 'node:timers/promises';
import { drain } from '../harness/drain.ts';
import type { ExtraService } from '../harness/extra-service.ts';
import { createLoad } from '../harness/load.ts';
import { judge, type Scenario, type Stage } from '../harness/scenario.ts';

const everyMs = 10_000;
const stagesToScale = ['enricher', 'renderer', 'dispatcher'] as const;

export const scaling: Scenario = {
  name: 'F9',
  title: 'consumers 1 → 3 → 1 every 10 s',
  async run(stage) {
    const { world, random, log, people, singlesPerSecond, from } = stage;
    const calm = createLoad(world, { people, singlesPerSecond, from });
    const calmRate = await measure(stage, [calm]);
    log(`calm: ${calmRate.toFixed(0)} people a second`);

    let isOver = false;
    let changes = 0;
    const churn = async () => {
      while (!isOver) {
        const name = random.pick(stagesToScale);
        log(`${name}: 1 → 3`);
        const extras: ExtraService[] = await Promise.all([world.startExtra(name), world.startExtra(name)]);
        await sleep(everyMs);
        log(`${name}: 3 → 1`);
        await Promise.all(extras.map((extra) => extra.stop()));
        changes += 2;
        await sleep(everyMs);
      }
    };
    const churning = churn();
    const loads = [1, 2, 3].map((part) =>
      createLoad(world, { people, singlesPerSecond: 17, from: from + part * 50_000 }),
    );
    const rate = await measure(stage, loads);
    isOver = true;
    await churning;
    log(`while scaling: ${rate.toFixed(0)} people a second`);
    const verdict = await judge(stage, [calm, ...loads], {
      doublesAtMost: 0,
      unknownAtMost: 0,
      drainWithinMs: 180_000,
    });
    if (rate < calmRate / 2) verdict.faults.push(`${rate.toFixed(0)} people a second, calm ${calmRate.toFixed(0)}`);
    return {
      ...verdict,
      notes: { changes, 'calm, people/s': calmRate.toFixed(0), 'scaling, people/s': rate.toFixed(0) },
    };
  },
};

/** Mails a second from the first request to the last mail. */
async function measure(
  { world, log, people }: Stage,
  loads: readonly ReturnType<typeof createLoad>[],
): Promise<number> {
  const mailsBefore = world.sink.accepted().length;
  const startedAtMs = Date.now();
  await Promise.all(loads.map((load) => load.begin()));
  // The single requests go on as long as the mailings do, but for their last few.
  const wanted = mailsBefore + loads.length * people * 0.9;
  while (world.sink.accepted().length < wanted && Date.now() - startedAtMs < 240_000) await sleep(50);
  await Promise.all(loads.map((load) => load.end()));
  await drain(world, { withinMs: 300_000, log });
  const mails = world.sink.accepted().slice(mailsBefore);
  return mails.length / (((mails.at(-1)?.atMs ?? startedAtMs) - startedAtMs) / 1_000);
}
