// F13: a template that fails for every person fails those and nobody else. And a bug that meets every record: the
// process ends before it has emptied its topic into the dead letters, again and again, until a fixed release is there.
import { join } from 'node:path';
import { withAdmin } from '../../../lib/kafka/topic-admin.ts';
import type { StageName } from '../../../lib/topics.ts';
import { addTemplate } from '../../support/templates.ts';
import { type Change, copyRelease, runUntilEnds } from '../harness/broken-release.ts';
import { countDeadLetters } from '../harness/dead-letters.ts';
import { readLedger } from '../harness/drain.ts';
import { createLoad } from '../harness/load.ts';
import { createNamedLoad } from '../harness/named-load.ts';
import { judge, type Scenario, type Stage } from '../harness/scenario.ts';
import type { World } from '../harness/world.ts';

const brokenTemplate = 'fault-broken';
/** Found only when it is rendered: the link's protocol comes from what is filled in. */
const brokenHtml = `<p><a href="{{ first_name | replace: first_name, 'javascript' }}:greet()">Hello</a></p>`;

/** Each throws for every record, wherever its stage's own work begins. */
const bugs: readonly (Change & { stage: StageName })[] = [
  {
    stage: 'renderer',
    file: 'services/renderer/render-stage.ts',
    from: '    transform(incoming, facts, now) {\n',
    to: "    transform(incoming, facts, now) {\n      throw new TypeError('a bug of this release');\n",
  },
  {
    stage: 'enricher',
    file: 'services/enricher/enricher-stage.ts',
    from: '    transform({ event, traceparent }, facts, now) {\n',
    to: "    transform({ event, traceparent }, facts, now) {\n      throw new TypeError('a bug of this release');\n",
  },
  {
    stage: 'dispatcher',
    file: 'services/dispatcher/dispatch-stage.ts',
    from: '    async handle({ incoming, signal, heartbeat }) {\n',
    to: "    async handle({ incoming, signal, heartbeat }) {\n      throw new TypeError('a bug of this release');\n",
  },
  {
    stage: 'renderer',
    file: 'content/render.ts',
    from: '  const parsed = parseTemplate(template);\n',
    to: "  if (1) throw new TypeError('a bug of this release');\n  const parsed = parseTemplate(template);\n",
  },
];
const lives = 3;

export const badRelease: Scenario = {
  name: 'F13',
  title: 'a template that fails for every person; a bug for every record, then a fixed release',
  async run(stage) {
    const { world, log, people, singlesPerSecond, from } = stage;
    await addTemplate(world.db, { templateId: brokenTemplate, subject: 'Broken', html: brokenHtml });
    const load = createLoad(world, { people, singlesPerSecond, from });
    const doomed = createNamedLoad(world, { templateId: brokenTemplate, people: people / 2, from, priority: 'medium' });
    await doomed.begin();
    await load.begin();
    const faults: string[] = [];
    let deathCount = 0;
    for (const bug of scaled(stage)) {
      const before = await look(world, bug.stage);
      await world.launched.services.stopOne(bug.stage);
      const folder = join(world.folder, `broken-${bug.stage}-${deathCount}`);
      copyRelease(folder, bug);
      const atRest = await look(world, bug.stage);
      const ends = await runUntilEnds(folder, bug.stage, {
        env: world.launched.env,
        lives,
        withinMs: 60_000,
        onLine: (line) => process.env.TEST_LOG_LEVEL && process.stderr.write(`${line}\n`),
      });
      const after = await look(world, bug.stage);
      world.launched.services.startOne(bug.stage);
      deathCount += ends.length;
      log(
        `the broken ${bug.stage} ended with ${ends.map(({ code, seconds }) => `${code} after ${seconds.toFixed(1)} s`)}`,
      );
      for (const { code } of ends) {
        if (code !== 1) faults.push(`the broken ${bug.stage} ended with ${code}, not 1`);
      }
      if (after.deadLetterCount !== before.deadLetterCount) {
        faults.push(`the broken ${bug.stage} wrote ${after.deadLetterCount - before.deadLetterCount} dead letters`);
      }
      if (after.committed !== atRest.committed) {
        faults.push(`the broken ${bug.stage} committed ${after.committed - atRest.committed} records`);
      }
    }
    await load.end();

    const failed = new Set([...doomed.planned].filter(([, { email }]) => email !== null).map(([id]) => id));
    const verdict = await judge(stage, [load, doomed], {
      doublesAtMost: 0,
      unknownAtMost: 0,
      failed,
      drainWithinMs: 240_000,
    });
    const ledger = await readLedger(world);
    const otherReasons = [...failed].filter((id) => ledger.get(id)?.reason !== 'template_error');
    if (otherReasons.length > 0) faults.push(`${otherReasons.length} failed for another reason than template_error`);
    return {
      ...verdict,
      faults: [...faults, ...verdict.faults],
      notes: {
        'failed by their template': failed.size - otherReasons.length,
        'ends of broken releases': deathCount,
        'dead letters': Object.values(await countDeadLetters(world)).reduce((sum, count) => sum + count, 0),
      },
    };
  },
};

const scaled = ({ scale }: Stage) => (scale < 1 ? bugs.slice(0, 1) : bugs);

/** @returns what a stage has put aside and done so far */
async function look(world: World, stage: StageName): Promise<{ deadLetterCount: number; committed: number }> {
  const letters = await countDeadLetters(world);
  const committed = await withAdmin(world.kafka, async (admin) => {
    let sum = 0;
    for (const { group, input } of world.topics.lanes[stage]) {
      const [offsets] = await admin.fetchOffsets({ groupId: group, topics: [input.name] });
      for (const { offset } of offsets?.partitions ?? []) sum += Math.max(0, Number(offset));
    }
    return sum;
  });
  return { deadLetterCount: letters[world.topics.deadLetters[stage].name] ?? 0, committed };
}
