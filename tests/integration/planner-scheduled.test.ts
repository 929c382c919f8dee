// Requests of producers that come later: stored by the planner's lane, sent on by the mailing runner when they are due.
import { randomUUID } from 'node:crypto';
import { expect, it } from 'vitest';
import { DependencyError } from '../../lib/errors.ts';
import { type ActiveTemplate, plan } from '../../services/planner/plan.ts';
import { createRequestStore } from '../../services/planner/request-store.ts';
import { planDue } from '../../services/planner/runner/plan-due.ts';
import { eventually } from '../support/eventually.ts';
import { toRequestRecord } from '../support/request-record.ts';
import { openRunnerLab, type RunnerLab } from '../support/runner-lab.ts';

const template: ActiveTemplate = {
  templateId: 'news',
  version: 1,
  kind: 'common',
  channel: 'email',
  onNoAnswer: 'resend',
  isPromo: false,
};

/** As the planner's lane stores them: each for its own people, due in a minute. @returns their ids, in order */
async function schedule(lab: RunnerLab, people: readonly string[][], categories: string[] = []): Promise<string[]> {
  const store = createRequestStore(lab.db);
  const ids: string[] = [];
  for (let start = 0; start < people.length; start += 500) {
    const requests = people.slice(start, start + 500).map((user_ids) => {
      const scheduled_at = lab.clock.now + 60_000;
      const user_categories = categories;
      return plan(
        toRequestRecord({ template_id: 'news', user_ids, user_categories, scheduled_at }),
        template,
        lab.clock.now,
        lab.clock.now,
      );
    });
    await store.insert(requests);
    ids.push(...requests.map((request) => request.requestId));
  }
  return ids;
}

const countIn = async (lab: RunnerLab, state: 'scheduled' | 'running'): Promise<number> =>
  (await lab.db.selectFrom('requests').select('request_id').where('state', '=', state).execute()).length;

it('sends on 10,000 requests for one person each within a minute when they are due at once, each once', async () => {
  const lab = await openRunnerLab();
  const people = Array.from({ length: 10_000 }, (_, at) => [`user-${at}`]);
  await schedule(lab, people);
  lab.startRunner();
  lab.startRunner();
  await eventually(async () => (await countIn(lab, 'scheduled')) === 10_000, 'stored');
  const startedAt = Date.now();
  lab.clock.now += 60_000;
  await eventually(async () => (await countIn(lab, 'running')) === 10_000, 'all are sent on', 60_000);
  expect(Date.now() - startedAt).toBeLessThan(60_000);
  const chunks = await lab.readEvents(lab.topics.planned.medium, 10_000);
  expect(chunks).toHaveLength(10_000);
  expect(new Set(chunks.flatMap((chunk) => chunk.user_ids)).size).toBe(10_000);
  const rows = await lab.db
    .selectFrom('requests')
    .select(['driven', 'planned', 'planning_complete', 'lease_until'])
    .execute();
  expect(rows.filter((row) => row.driven || row.planned !== 1 || !row.planning_complete || row.lease_until)).toEqual(
    [],
  );
});

it('sends on what is urgent before thousands that are not', async () => {
  const lab = await openRunnerLab();
  await schedule(
    lab,
    Array.from({ length: 3_000 }, (_, at) => [`user-${at}`]),
  );
  const [urgent = ''] = await schedule(lab, [['ada']]);
  await lab.db.updateTable('requests').set({ priority: 'high' }).where('request_id', '=', urgent).execute();
  lab.clock.now += 60_000;
  const { db, publisher, topics, logger } = lab;
  await planDue({ db, publisher, topics, logger, store: createRequestStore(db) }, new Date(lab.clock.now));
  expect((await lab.request(urgent))?.state).toBe('running');
  expect(await countIn(lab, 'running')).toBe(500);
});

it('cuts a long list into chunks, and repeats them as they were when it died before publishing', async () => {
  const lab = await openRunnerLab();
  const people = Array.from({ length: 1_100 }, (_, at) => `user-${at}`);
  const [id = ''] = await schedule(lab, [people, ['ada']]);
  let tries = 0;
  const dying = lab.startRunner({
    publisher: {
      async publish() {
        tries++;
        throw new DependencyError('kafka', 'as if it died here');
      },
    },
  });
  lab.clock.now += 60_000;
  await eventually(() => tries > 0, 'stored and not published');
  await dying.stop();
  expect(await lab.request(id)).toMatchObject({ state: 'planning', planned: 1_100, chunk_count: 3 });
  await lab.db
    .updateTable('requests')
    .set({ lease_until: new Date(0) })
    .execute();
  lab.startRunner();
  await eventually(async () => (await countIn(lab, 'running')) === 2, 'sent on');
  const chunks = (await lab.readEvents(lab.topics.planned.medium, 4)).filter((chunk) => chunk.request_id === id);
  expect(chunks.flatMap((chunk) => chunk.user_ids)).toEqual(people);
  expect((await lab.request(id))?.planned).toBe(1_100);
});

it('unites the people and the category of a request that comes later', async () => {
  const lab = await openRunnerLab();
  const [id = ''] = await schedule(lab, [['ada', 'bob']], ['staff']);
  lab.startRunner();
  lab.clock.now += 60_000;
  await eventually(async () => (await lab.request(id))?.planning_complete === true, 'planned');
  const people = await lab.people(id);
  expect(people.slice(0, 2)).toEqual(['ada', 'bob']);
  expect(new Set(people).size).toBe(1_002);
  expect((await lab.request(id))?.planned).toBe(1_002);
});

it('takes up what a planner of the release before has stored', async () => {
  const lab = await openRunnerLab();
  const [id = ''] = await schedule(lab, [['ada']]);
  await lab.db.updateTable('requests').set({ driven: false }).execute();
  lab.clock.now += 60_000;
  lab.startRunner();
  await eventually(async () => (await lab.request(id))?.state === 'running', 'sent on');
});

it('that was cancelled before its time is never sent on', async () => {
  const lab = await openRunnerLab();
  const [id = '', other = randomUUID()] = await schedule(lab, [['ada'], ['bob']]);
  lab.startRunner();
  await lab.setHold(id, 'cancelled');
  await eventually(async () => (await lab.request(id))?.state === 'cancelled', 'cancelled');
  lab.clock.now += 60_000;
  await eventually(async () => (await lab.request(other))?.state === 'running', 'the other one is sent on');
  expect(await lab.request(id)).toMatchObject({ state: 'cancelled', planned: 0, planning_complete: true });
  expect((await lab.readEvents(lab.topics.planned.medium, 1)).map((chunk) => chunk.user_ids)).toEqual([['bob']]);
});
