// R1: the release before and this one side by side under load, then rolled back: what people asked of
// the old one, the new one or both is sent once, and all numbers balance in either.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceName } from '../../../dev/services.ts';
import { countDeadLetters } from '../harness/dead-letters.ts';
import { drain } from '../harness/drain.ts';
import type { ExtraService } from '../harness/extra-service.ts';
import { createLoad } from '../harness/load.ts';
import { readMetric } from '../harness/read-metric.ts';
import { judge, type Scenario } from '../harness/scenario.ts';

/** The last one that knows three migrations only: no holds of many requests, scopes of suppressions or owners of keys. */
const releaseBefore = '5fc32c0c4835198525dc2531bd96047a4d180ca9';
const root = resolve(import.meta.dirname, '../../..');
const inFlow: readonly ServiceName[] = ['ingest', 'planner', 'enricher', 'renderer', 'dispatcher'];
const phaseMs = 30_000;
const drainWithinMs = 240_000;

export const sideBySide: Scenario = {
  name: 'R1',
  title: 'the release before and this one side by side under load, then rolled back',
  async run(stage) {
    const { world, log, people, singlesPerSecond, scale, from } = stage;
    const { services, ingestUrl } = world.launched;
    const folder = mkdtempSync(join(tmpdir(), 'posthorn-release-before-'));
    const olds: ExtraService[] = [];
    try {
      unpackRelease(releaseBefore, folder);
      for (const name of inFlow) await services.stopOne(name);
      for (const name of inFlow) olds.push(await world.startExtra(name, {}, folder));
      const [oldIngest] = olds;
      if (!oldIngest) throw new Error('there is no old ingest');
      let urls = [oldIngest.ingestUrl];
      let asked = 0;
      const startLoad = async (number: number) => {
        const load = createLoad(world, {
          people,
          singlesPerSecond: number === 0 ? singlesPerSecond : 0,
          from: from + number * 40_000,
          ingestUrl: () => urls[asked++ % urls.length] ?? ingestUrl,
        });
        await load.begin();
        return load;
      };

      log('the release before serves alone, on the tables of this one');
      const loads = [await startLoad(0)];
      await sleep(phaseMs * scale);

      log('this release joins it');
      for (const name of inFlow) services.startOne(name);
      loads.push(await startLoad(1));
      await services.waitReady();
      urls = [oldIngest.ingestUrl, ingestUrl];
      loads.push(await startLoad(2));
      await sleep(phaseMs * scale);
      const consumed = await Promise.all(
        (['planner', 'enricher', 'renderer', 'dispatcher'] as const).map(async (name) => {
          return [name, await readMetric(world, name, 'posthorn_records_consumed_total')] as const;
        }),
      );

      log('this release is rolled back');
      loads.push(await startLoad(3));
      urls = [oldIngest.ingestUrl];
      for (const name of inFlow) await services.stopOne(name);
      await sleep(phaseMs * scale);
      for (const load of loads) await load.end();
      const open = await drain(world, { withinMs: drainWithinMs, log });

      log('and rolled out again');
      for (const name of inFlow) services.startOne(name);
      await services.waitReady();
      for (const old of olds.splice(0)) await old.stop();
      const verdict = await judge(stage, loads, { doublesAtMost: 0, unknownAtMost: 0, drainWithinMs });
      const faults = [...verdict.faults];
      if (open !== undefined) faults.push(`the release before did not end it alone: ${open}`);
      for (const [name, count] of consumed) if (count === 0) faults.push(`the new ${name} had no part in it`);
      for (const [topic, count] of Object.entries(await countDeadLetters(world))) {
        faults.push(`${count} dead letters in ${topic}`);
      }
      const notes = Object.fromEntries(consumed.map(([name, count]) => [`records of the new ${name}`, count]));
      return { ...verdict, faults, notes: { 'release before': releaseBefore.slice(0, 10), ...notes } };
    } finally {
      for (const old of olds) await old.stop('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

/** A checkout of its own without history; what it depends on has only grown since. @throws Error when git does not know it */
function unpackRelease(commit: string, folder: string): void {
  const archive = execFileSync('git', ['archive', commit], { cwd: root, maxBuffer: 256 * 1024 * 1024 });
  execFileSync('tar', ['-x', '-C', folder], { input: archive });
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
}
