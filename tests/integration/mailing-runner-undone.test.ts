// Statements for some mailings or requests come to no end, while those for the others do: the others go on.
import { sql } from 'kysely';
import { expect, it } from 'vitest';
import { createUserService } from '../../lib/user-service.ts';
import { plan } from '../../services/planner/plan.ts';
import { createPlannerMetrics } from '../../services/planner/planner-metrics.ts';
import { createRequestStore } from '../../services/planner/request-store.ts';
import { eventually } from '../support/eventually.ts';
import { toRequestRecord } from '../support/request-record.ts';
import { openRunnerLab, type RunnerLab } from '../support/runner-lab.ts';

const people = ['ada', 'bob'];
const statementLimitMs = 700;

/** From here on writing rows of this table takes longer than any statement may, for these requests. */
async function slowDown(
  lab: RunnerLab,
  table: 'chunks' | 'requests',
  event: 'insert' | 'update',
  ids: readonly string[],
) {
  await sql`create table if not exists slow (request_id uuid primary key)`.execute(lab.db);
  await sql`insert into slow select * from unnest(${[...ids]}::uuid[])`.execute(lab.db);
  await sql
    .raw(
      `create function delay() returns trigger language plpgsql as $$ begin
        if exists (select from slow where request_id = new.request_id) then perform pg_sleep(30); end if; return new; end $$;
      create trigger delay before ${event} on ${table} for each row execute function delay()`,
    )
    .execute(lab.db);
}

const asides = (lab: RunnerLab) => lab.db.selectFrom('set_aside').selectAll().execute();
const add = (lab: RunnerLab, count: number, changes = {}) =>
  Promise.all(Array.from({ length: count }, () => lab.addMailing(changes, people)));

it('mailings whose pages cannot be stored give their places to the others, and go on when they can', async () => {
  const lab = await openRunnerLab({ statementLimitMs });
  const bad = await add(lab, 6);
  await slowDown(lab, 'chunks', 'insert', bad);
  lab.startRunner({ metrics: createPlannerMetrics(lab.metrics) });
  await eventually(async () => (await asides(lab)).length >= 4, 'they are set aside');
  const [good = ''] = await add(lab, 1);
  await eventually(async () => (await lab.request(good))?.planned === 2, 'the other goes on');
  expect((await asides(lab))[0]?.reason).toContain('does not come to its end');
  expect(await lab.metrics.metrics()).toMatch(/posthorn_mailings_set_aside_total\{.*work="drive".*\} [1-9]/);
  await sql`delete from slow`.execute(lab.db);
  await sql`update set_aside set set_aside_until = now()`.execute(lab.db);
  for (const id of bad) await eventually(async () => (await lab.request(id))?.planned === 2, 'they go on');
}, 90_000);

it('mailings that cannot become requests do not keep the others from it', async () => {
  const lab = await openRunnerLab({ statementLimitMs });
  const early = { scheduled_at: new Date(lab.clock.now - 1_000) };
  const bad = await add(lab, 5, early);
  await slowDown(lab, 'requests', 'insert', bad);
  const good = await add(lab, 5, { scheduled_at: new Date(lab.clock.now - 500) });
  lab.startRunner();
  for (const id of good) await eventually(async () => (await lab.request(id))?.planned === 2, 'the others go on');
  expect(new Set((await asides(lab)).map((one) => one.subject_id))).toEqual(new Set(bad));
}, 90_000);

it('requests that are due and cannot be stored do not keep the others waiting', async () => {
  const lab = await openRunnerLab({ statementLimitMs });
  const template = {
    templateId: 'news',
    version: 1,
    kind: 'common',
    channel: 'email',
    onNoAnswer: 'resend',
    isPromo: false,
  } as const;
  const scheduled_at = lab.clock.now + 1_000;
  const requests = ['ada', 'bob', 'eve'].map((id) =>
    plan(
      toRequestRecord({ template_id: 'news', user_ids: [id], scheduled_at }),
      template,
      lab.clock.now,
      lab.clock.now,
    ),
  );
  await createRequestStore(lab.db).insert(requests);
  const [bad = '', ...good] = requests.map(({ requestId }) => requestId);
  await slowDown(lab, 'chunks', 'insert', [bad]);
  lab.clock.now += 5_000;
  lab.startRunner();
  for (const id of good) await eventually(async () => (await lab.request(id))?.state === 'running', 'the others go on');
  await eventually(async () => (await asides(lab)).some((one) => one.subject_id === bad), 'it is set aside');
}, 60_000);

it('a request that cannot be closed does not keep the others open', async () => {
  const lab = await openRunnerLab({ statementLimitMs });
  const ids = await lab.addDirect([['ada'], ['bob'], ['eve']]);
  await lab.end(await lab.readEvents(lab.topics.planned.low, 3));
  const [bad = '', ...good] = ids;
  await slowDown(lab, 'requests', 'update', [bad]);
  lab.startRunner();
  for (const id of good)
    await eventually(async () => (await lab.request(id))?.state === 'done', 'the others are closed');
  await eventually(async () => (await asides(lab)).some((one) => one.subject_id === bad), 'it is set aside');
}, 60_000);

it('a mailing for whose categories alone the user service fails gives its place to the others', async () => {
  const lab = await openRunnerLab();
  const users = createUserService({ url: lab.mock.url, timeoutMs: 2_000 });
  const bad = await add(lab, 5, { user_categories: ['vip'] });
  const failing: typeof users.listUserIds = (categories, ...rest) =>
    categories.includes('vip')
      ? users.listUserIds(['no such category, for a refusal'], ...rest)
      : users.listUserIds(categories, ...rest);
  lab.startRunner({ users: { ...users, listUserIds: failing } });
  await eventually(async () => (await asides(lab)).length >= 4, 'they are set aside');
  const [good = ''] = await add(lab, 1);
  await eventually(async () => (await lab.request(good))?.planned === 2, 'the other goes on');
  for (const id of bad) expect(await lab.request(id)).toMatchObject({ planning_complete: false, ended_at: null });
}, 90_000);

it('a request whose row somebody keeps locked does not cost the others their leases', async () => {
  const lab = await openRunnerLab({ statementLimitMs });
  const [locked = '', other = ''] = await add(lab, 2);
  lab.startRunner({ window: 1 });
  await eventually(async () => (await lab.request(other))?.lease_until != null, 'both are driven');
  await eventually(async () => (await lab.request(locked))?.lease_until != null, 'both are driven');
  await lab.db.transaction().execute(async (transaction) => {
    await sql`select from requests where request_id = ${locked} for update`.execute(transaction);
    const before = (await lab.request(other))?.epoch;
    const until = (await lab.request(other))?.lease_until?.getTime() ?? 0;
    await eventually(async () => ((await lab.request(other))?.lease_until?.getTime() ?? 0) > until, 'it is renewed');
    expect((await lab.request(other))?.epoch).toBe(before);
  });
}, 60_000);
