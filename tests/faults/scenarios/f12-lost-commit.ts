// F12: Postgres does what it is told, and its answer never arrives: at claim, settle, chunk and request, each a statement
// that commits by itself. Whoever asked has to ask again, and must not take what it did itself for another's doing.
import { setTimeout as sleep } from 'node:timers/promises';
import { createLoad } from '../harness/load.ts';
import { statements } from '../harness/postgres-proxy.ts';
import { judge, type Scenario } from '../harness/scenario.ts';

type Kind = keyof typeof statements;

const kinds = Object.keys(statements) as Kind[];
/** A mailing has few pages of people, so of these every second one. */
const everyOf: Readonly<Record<Kind, number>> = { claim: 5, settle: 5, chunk: 2, request: 5 };
const cutMs = 60_000;

export const loseCommits: Scenario = {
  name: 'F12',
  title: "answer of Postgres's COMMIT lost at claim, settle, chunk and request for 60 s",
  async run(stage) {
    const { world, log, people, singlesPerSecond, scale, from } = stage;
    const seen: Record<Kind, number> = { claim: 0, settle: 0, chunk: 0, request: 0 };
    const cut = { ...seen };
    const load = createLoad(world, { people, singlesPerSecond, from });
    world.postgresProxy.rule = (statement) => {
      const kind = kinds.find((one) => statements[one](statement));
      if (!kind) return { kind: 'pass' };
      seen[kind] += 1;
      // The first one, then every so many: also what is asked again may lose its answer.
      if (seen[kind] % everyOf[kind] !== 1) return { kind: 'pass' };
      cut[kind] += 1;
      return { kind: 'cut' };
    };
    try {
      await load.begin();
      await sleep(cutMs * scale);
    } finally {
      world.postgresProxy.rule = () => ({ kind: 'pass' });
    }
    log(`lost answers: ${kinds.map((kind) => `${cut[kind]} of ${seen[kind]} ${kind}`).join(', ')}`);
    await load.end();
    // No process dies and no mail's answer is lost, so there is no window in which anybody may come twice.
    const verdict = await judge(stage, [load], { doublesAtMost: 0, unknownAtMost: 0, drainWithinMs: 180_000 });
    const faults = kinds.flatMap((kind) => (cut[kind] === 0 ? [`no answer of a ${kind} was lost`] : []));
    return {
      ...verdict,
      faults: [...faults, ...verdict.faults],
      notes: Object.fromEntries(kinds.map((kind) => [`lost answers of ${kind}`, `${cut[kind]} of ${seen[kind]}`])),
    };
  },
};
