// What the planner does for holds that cover more than one request: it pauses what it drives, and when a hold is over it
// publishes again whom the dispatcher let pass, in mailings and in requests that only name people.
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import type { SharedScope } from '../../domain/holds.ts';
import type { ChunkPlanned, NotificationRequested } from '../../lib/events.ts';
import { liftHold } from '../../lib/holds/lift-hold.ts';
import { placeHold } from '../../lib/holds/place-hold.ts';
import { plan, toChunkPlanned } from '../../services/planner/plan.ts';
import { toPlannedRecord } from '../../services/planner/planned-record.ts';
import { createRequestStore } from '../../services/planner/request-store.ts';
import { eventually } from '../support/eventually.ts';
import { toRequestRecord } from '../support/request-record.ts';
import { openRunnerLab, type RunnerLab } from '../support/runner-lab.ts';
import { addTemplate } from '../support/templates.ts';

const users = (count: number, name = 'user'): string[] =>
  Array.from({ length: count }, (_, at) => `${name}-${String(at).padStart(5, '0')}`);
const peopleOf = (chunks: readonly ChunkPlanned[]): string[] => chunks.flatMap((chunk) => chunk.user_ids);
const until = (lab: RunnerLab, id: string, wanted: object) =>
  eventually(
    async () => {
      const row = await lab.request(id);
      return row !== undefined && Object.entries(wanted).every(([name, value]) => Reflect.get(row, name) === value);
    },
    () => `request ${id} is ${JSON.stringify(wanted)}`,
  );

async function place(lab: RunnerLab, scope: SharedScope, subject: string, endsInMs: number | null = null) {
  expect(await placeHold(lab.db, { scope, subject, author: 'ada', reason: 'a test', endsInMs })).toBe(true);
  const { hold_id } = await lab.db
    .selectFrom('sending_holds')
    .select('hold_id')
    .orderBy('hold_id', 'desc')
    .limit(1)
    .executeTakeFirstOrThrow();
  return String(hold_id);
}

const holdRow = (lab: RunnerLab, id: string) =>
  lab.db.selectFrom('sending_holds').selectAll().where('hold_id', '=', Number(id)).executeTakeFirstOrThrow();
const untilResumed = (lab: RunnerLab, id: string) =>
  eventually(async () => (await holdRow(lab, id)).resumed_at !== null, 'whom it kept back was published again');

/** Requests that name people, as the planner's lanes store and publish them. @returns their chunks */
async function addDirect(lab: RunnerLab, given: readonly Partial<NotificationRequested>[]): Promise<ChunkPlanned[]> {
  const template = {
    templateId: 'news',
    version: 1,
    kind: 'common',
    channel: 'email',
    onNoAnswer: 'resend',
    isPromo: false,
  } as const;
  const requests = given.map((changes) => {
    const event = toRequestRecord({ template_id: 'news', user_ids: ['ada'], ...changes });
    return plan(event, { ...template, templateId: event.template_id }, Date.now(), event.requested_at);
  });
  const store = createRequestStore(lab.db);
  await store.insert(requests);
  const chunks = requests.flatMap((request) =>
    request.chunks.map((chunk) =>
      toChunkPlanned(request, { ...template, templateId: request.templateId }, chunk, Date.now()),
    ),
  );
  await lab.publisher.publish(chunks.map((chunk) => toPlannedRecord(chunk, lab.topics)));
  await store.markPublished(chunks.map(({ request_id, sequence }) => ({ requestId: request_id, sequence })));
  return chunks;
}

describe.each<[SharedScope, string]>([
  ['template', 'news'],
  ['channel', 'email'],
  ['promotional', ''],
  ['lane', 'low/email'],
])('a mailing under a hold on a %s', (scope, subject) => {
  it('is paused; another one goes on; the lift publishes those without a row again and goes on planning', async () => {
    const lab = await openRunnerLab();
    await addTemplate(lab.db, { templateId: 'bill', channel: 'sms', text: 'Pay' });
    const people = users(3_000);
    const id = await lab.addMailing({ is_promo: true }, people);
    const other = await lab.addMailing({ template_id: 'bill', priority: 'medium' }, users(2_000, 'other'));
    lab.startRunner({ window: 1_000 });
    await until(lab, id, { planned: 1_000 });
    const [first, second] = await lab.readEvents(lab.topics.planned.low, 2);
    if (!first || !second) throw new Error('no chunks');
    const holdId = await place(lab, scope, subject);
    await until(lab, id, { state: 'paused' });
    await lab.end([first, { ...second, user_ids: second.user_ids.slice(0, 250) }]);
    await eventually(async () => {
      await lab.end(await lab.readEvents(lab.topics.planned.medium, 2));
      return ((await lab.request(other))?.planned ?? 0) > 1_000;
    }, 'the other one goes on');
    expect(await lab.request(id)).toMatchObject({ state: 'paused', planned: 1_000 });
    await liftHold(lab.db, holdId, 'ada');
    await until(lab, id, { state: 'running', planned: 1_750 });
    const chunks = await lab.readEvents(lab.topics.planned.low, 4);
    expect(chunks[2]).toEqual({ ...second, user_ids: second.user_ids.slice(250) });
    expect(chunks[3]).toMatchObject({ sequence: 2, user_ids: people.slice(1_000, 1_500) });
    await untilResumed(lab, holdId);
  });
});

describe('a mailing', () => {
  it('that comes due under a hold does not begin, and begins when the hold is lifted; a cancel ends it meanwhile', async () => {
    const lab = await openRunnerLab();
    const holdId = await place(lab, 'template', 'news');
    const [id, cancelled] = [await lab.addMailing({}, users(10)), await lab.addMailing({}, users(10))];
    lab.startRunner();
    await until(lab, id, { state: 'paused', planned: 0 });
    await lab.setHold(cancelled, 'cancelled');
    await until(lab, cancelled, { state: 'cancelled', planned: 0, planning_complete: true });
    await liftHold(lab.db, holdId, 'ada');
    await until(lab, id, { state: 'running', planned: 10 });
  });

  it('that is paused itself stays so when the hold is lifted', async () => {
    const lab = await openRunnerLab();
    const id = await lab.addMailing({}, users(10));
    lab.startRunner();
    await until(lab, id, { planned: 10 });
    const holdId = await place(lab, 'channel', 'email');
    await until(lab, id, { state: 'paused' });
    await lab.setHold(id, 'paused');
    await liftHold(lab.db, holdId, 'ada');
    await untilResumed(lab, holdId);
    expect(await lab.request(id)).toMatchObject({ state: 'paused' });
    expect(await lab.readEvents(lab.topics.planned.low, 1)).toHaveLength(1);
    await lab.setHold(id, null);
    await until(lab, id, { state: 'running' });
    expect(peopleOf((await lab.readEvents(lab.topics.planned.low, 2)).slice(1))).toEqual(users(10));
  });

  it('whose records passed while no planner ran is published again, though nobody saw the hold', async () => {
    const lab = await openRunnerLab();
    const id = await lab.addMailing({}, users(10));
    const first = lab.startRunner();
    await until(lab, id, { planned: 10, planning_complete: true });
    await first.stop();
    const holdId = await place(lab, 'promotional', '');
    await liftHold(lab.db, holdId, 'ada');
    const other = await place(lab, 'lane', 'low/email');
    await liftHold(lab.db, other, 'ada');
    lab.startRunner();
    await untilResumed(lab, other);
    await until(lab, id, { state: 'running' });
    expect(peopleOf((await lab.readEvents(lab.topics.planned.low, 2)).slice(1))).toEqual(users(10));
  });
});

describe('requests that only name people, when a hold is lifted,', () => {
  it('have their people without a row published again, each in its chunk; nobody else is', async () => {
    const lab = await openRunnerLab();
    const promo = { is_promo: true };
    const chunks = await addDirect(lab, [
      { ...promo, user_ids: users(3) },
      { ...promo, user_ids: users(600, 'many') },
      { ...promo, user_ids: ['sent'] },
      { user_ids: ['not-promotional'] },
      { ...promo, user_ids: ['paused'] },
      { ...promo, user_ids: ['cancelled'] },
      { ...promo, user_ids: ['held-otherwise'], template_id: 'bill' },
    ]);
    const chunkOf = (userId: string) => chunks.find(({ user_ids }) => user_ids.includes(userId)) as ChunkPlanned;
    await lab.end([chunkOf('sent'), { ...chunkOf('user-00000'), user_ids: ['user-00001'] }]);
    await lab.setHold(chunkOf('paused').request_id, 'paused');
    await lab.setHold(chunkOf('cancelled').request_id, 'cancelled');
    const holdId = await place(lab, 'promotional', '');
    await place(lab, 'template', 'bill');
    await liftHold(lab.db, holdId, 'ada');
    lab.startRunner();
    await untilResumed(lab, holdId);
    const all = await lab.readEvents(lab.topics.planned.medium, chunks.length + 3);
    const again = all
      .slice(chunks.length)
      .filter(({ user_ids }) => !['paused', 'cancelled'].includes(user_ids[0] ?? ''));
    expect(peopleOf(again).sort()).toEqual([...users(600, 'many'), 'user-00000', 'user-00002'].sort());
    const partly = again.find(({ user_ids }) => user_ids.includes('user-00000'));
    expect(partly).toEqual({
      ...chunkOf('user-00000'),
      user_ids: ['user-00000', 'user-00002'],
      planned_at: partly?.planned_at,
    });
    expect(await lab.request(chunkOf('user-00000').request_id)).toMatchObject({ state: 'running', driven: false });
  });

  it('are all gone through, also thousands, and again from the beginning after the planner was stopped in between', async () => {
    const lab = await openRunnerLab();
    const given = users(1_700).map((userId) => ({ is_promo: true, user_ids: [userId] }));
    for (let start = 0; start < given.length; start += 500) await addDirect(lab, given.slice(start, start + 500));
    const holdId = await place(lab, 'promotional', '');
    await liftHold(lab.db, holdId, 'ada');
    const interrupted = lab.startRunner();
    await lab.readEvents(lab.topics.planned.medium, 1_701);
    await interrupted.stop();
    expect(await holdRow(lab, holdId)).toMatchObject({ resumed_at: null, resume_lease_until: null });
    lab.startRunner();
    lab.startRunner();
    await untilResumed(lab, holdId);
    const again = (await lab.readEvents(lab.topics.planned.medium, 3_400)).slice(1_700);
    expect(new Set(peopleOf(again)).size).toBe(1_700);
  });
});

describe('a hold with an end', () => {
  it('ends by itself, once, and what it kept back goes on; so does a pause with an end', async () => {
    const lab = await openRunnerLab();
    const id = await lab.addMailing({ is_promo: true }, users(10));
    const paused = await lab.addMailing({}, users(10, 'other'));
    const holdId = await place(lab, 'promotional', '', 3_000);
    const pause = { scope: 'request', subject: paused, author: 'guard', reason: 'refused', endsInMs: 3_000 } as const;
    expect(await placeHold(lab.db, pause)).toBe(true);
    lab.startRunner();
    lab.startRunner();
    await until(lab, id, { state: 'paused', planned: 0 });
    await until(lab, paused, { state: 'paused', planned: 0 });
    await until(lab, id, { state: 'running', planned: 10 });
    await until(lab, paused, { state: 'running', planned: 10 });
    await untilResumed(lab, holdId);
    expect(await holdRow(lab, holdId)).toMatchObject({ lifted_by: 'end' });
    const lifted = await lab.db
      .selectFrom('audit')
      .select(['who', 'subject'])
      .where('action', '=', 'hold.lifted')
      .execute();
    expect(lifted.map(({ who, subject }) => `${who} ${subject}`).sort()).toEqual([
      'end promotional',
      `end request ${paused}`,
    ]);
    const { rows } = await sql<{ n: number }>`select count(*)::int as n from holds`.execute(lab.db);
    expect(rows[0]?.n).toBe(0);
  });
});
