// The short form of the fault runs (`npm run test:faults`, docs/reliability.md): the same stories with fewer people, told one
// after the other to one system.
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { FuzzKind } from '../faults/fuzz/kind.ts';
import { adminCalls, ingestCalls } from '../faults/fuzz/kinds/http-calls.ts';
import { wholeSystem } from '../faults/fuzz/kinds/whole-system.ts';
import { runKind } from '../faults/fuzz/run-kind.ts';
import { createRandom } from '../faults/harness/random.ts';
import type { Scenario } from '../faults/harness/scenario.ts';
import { startWorld, type World } from '../faults/harness/world.ts';
import { killServices } from '../faults/scenarios/f01-kill-services.ts';
import { killDispatcherExactly } from '../faults/scenarios/f02-kill-dispatcher-exactly.ts';
import { kafkaGoes } from '../faults/scenarios/f05-kafka.ts';
import { mailServerLies } from '../faults/scenarios/f08-mail-server.ts';
import { poisonedRecipients } from '../faults/scenarios/f14-poisoned-recipients.ts';
import { downloadsDir, removeTestData, testDataFolder } from '../support/infrastructure.ts';

const seed = Number(process.env.FAULTS_SEED ?? 1);
const folder = testDataFolder('faults');
let world: World;

beforeAll(async () => {
  world = await startWorld(join(folder, 'world'), downloadsDir);
}, 180_000);

afterAll(async () => {
  await world?.stop();
  removeTestData(folder);
});

const stories: [Scenario, { scale: number; from: number }][] = [
  [killServices, { scale: 0.25, from: 0 }],
  [killDispatcherExactly, { scale: 0.25, from: 50_000 }],
  [kafkaGoes, { scale: 0.15, from: 100_000 }],
  [mailServerLies, { scale: 0.1, from: 150_000 }],
  [poisonedRecipients, { scale: 0.15, from: 10_000 }],
];

it.each(stories)(
  '$name: nothing is lost, invented or sent twice beyond the honest window',
  async (scenario, { scale, from }) => {
    const lines: string[] = [];
    const log = (line: string) => lines.push(line);
    const singlesPerSecond = 10;
    const stage = { world, seed, random: createRandom(seed), people: 2_000, singlesPerSecond, scale, from, log };
    try {
      const { faults } = await scenario.run(stage);
      expect(faults, `seed ${seed}\n${lines.join('\n')}`).toEqual([]);
    } finally {
      // The load of a story that broke off would be counted in all that follow.
      for (const load of world.loads) await load.end();
    }
  },
  600_000,
);

const generated: [string, FuzzKind, number][] = [
  [ingestCalls.title, ingestCalls, 400],
  [adminCalls.title, adminCalls, 200],
  [wholeSystem.title, wholeSystem, 600],
];

it.each(generated)(
  'generated %s: everybody else is served in time, and nothing ends that should not',
  async (_title, kind, cases) => {
    const lines: string[] = [];
    const log = (line: string) => lines.push(line);
    const { failures } = await runKind(
      kind,
      { world, log, isAlone: false },
      { seed, cases, untilMs: performance.now() + 60_000 },
    );
    expect(failures, `seed ${seed}\n${lines.join('\n')}`).toEqual([]);
  },
  600_000,
);
