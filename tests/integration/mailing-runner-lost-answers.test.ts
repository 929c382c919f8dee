// Postgres does what the runner says, and the answer never comes: whatever statement that was, nobody is left out or planned twice,
// and the mailing ends.
import { sql } from 'kysely';
import { expect, inject, it, onTestFinished } from 'vitest';
import { createDatabase } from '../../lib/db/database.ts';
import type { ChunkPlanned } from '../../lib/events.ts';
import { createRequestStore } from '../../services/planner/request-store.ts';
import { startPostgresProxy } from '../faults/harness/postgres-proxy.ts';
import { eventually } from '../support/eventually.ts';
import { openRunnerLab, type RunnerLab } from '../support/runner-lab.ts';

const named = Array.from({ length: 1_300 }, (_, at) => `named-${String(at).padStart(4, '0')}`);

/** A runner whose way to Postgres loses answers. @param isLost asked for every statement */
async function startRunner(lab: RunnerLab, isLost: (statement: string) => boolean): Promise<{ lostCount(): number }> {
  const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(lab.db);
  const url = new URL(inject('infrastructure').DATABASE_URL);
  const proxy = await startPostgresProxy({ host: url.hostname, port: Number(url.port) });
  url.host = `127.0.0.1:${proxy.port}`;
  url.pathname = `/${rows[0]?.name}`;
  const db = createDatabase({ url: url.href, applicationName: 'test' });
  let lost = 0;
  proxy.rule = (statement) => {
    if (!isLost(statement)) return { kind: 'pass' };
    lost += 1;
    return { kind: 'cut' };
  };
  const runner = lab.startRunner({ db, store: createRequestStore(db) });
  onTestFinished(async () => {
    await runner.stop();
    await db.destroy();
    await proxy.stop();
  });
  return { lostCount: () => lost };
}

const isPage = (statement: string) => /^\s*with moved as/.test(statement);

async function expectAllOnce(lab: RunnerLab, id: string): Promise<void> {
  await eventually(async () => (await lab.request(id))?.planning_complete === true, 'wholly planned');
  const people = await lab.people(id);
  expect(people.length).toBe(new Set(people).size);
  expect(people.filter((userId) => userId.startsWith('named-')).length).toBe(named.length);
  expect(people.length).toBe((await lab.request(id))?.planned);
  expect(people.length).toBeGreaterThan(named.length);
  const chunks = new Map<string, ChunkPlanned>();
  await eventually(async () => {
    for (const chunk of await lab.readEvents(lab.topics.planned.low, chunks.size + 1))
      chunks.set(chunk.chunk_id, chunk);
    return chunks.size === (await lab.request(id))?.chunk_count;
  }, 'every chunk is published');
  expect([...chunks.values()].flatMap((chunk) => chunk.user_ids).sort()).toEqual(people.sort());
  await lab.end([...chunks.values()]);
  await eventually(async () => (await lab.request(id))?.state === 'done', 'it is done');
}

it.each([
  ['the first page', (at: number) => at === 1],
  ['the second page', (at: number) => at === 2],
  ['every second page', (at: number) => at % 2 === 1],
])(
  'a mailing goes on when the answer of %s is lost',
  async (_, isLostAt) => {
    const lab = await openRunnerLab();
    const id = await lab.addMailing({ user_categories: ['staff'] }, named);
    let pages = 0;
    const { lostCount } = await startRunner(lab, (statement) => isPage(statement) && isLostAt(++pages));
    await expectAllOnce(lab, id);
    expect(lostCount()).toBeGreaterThan(0);
  },
  90_000,
);

/** Of a mailing's own way: it becomes a request, is claimed, planned, published, and given back. */
const isOfItsWay = (statement: string) =>
  /^\s*(?:insert into requests|update (?:mailings|chunks|requests)|with moved)|update requests r set epoch/.test(
    statement,
  );

it('a mailing goes on when the answer of each statement on its way is lost once', async () => {
  const lab = await openRunnerLab();
  const id = await lab.addMailing({ user_categories: ['staff'] }, named);
  const seen = new Set<string>();
  const { lostCount } = await startRunner(lab, (statement) => {
    const isNew = isOfItsWay(statement) && !seen.has(statement);
    seen.add(statement);
    return isNew;
  });
  await expectAllOnce(lab, id);
  expect(lostCount()).toBeGreaterThan(5);
}, 90_000);
