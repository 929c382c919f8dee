// The mailing runner on a real broker, a real Postgres and the user-mock: from a confirmed mailing to numbers that balance.
import { describe, expect, it } from 'vitest';
import { chunkId } from '../../domain/ids.ts';
import { DependencyError } from '../../lib/errors.ts';
import { adoptMailings } from '../../services/planner/runner/adopt-mailings.ts';
import { claimDriven, releaseLease, renewLeases } from '../../services/planner/runner/leases.ts';
import { noteCancelled, notePaused } from '../../services/planner/runner/note-state.ts';
import { readView } from '../../services/planner/runner/read-view.ts';
import { storePage } from '../../services/planner/runner/store-page.ts';
import { toUserId } from '../../user-mock/user-ids.ts';
import { toUser } from '../../user-mock/users.ts';
import { eventually } from '../support/eventually.ts';
import { openRunnerLab, type RunnerLab } from '../support/runner-lab.ts';

const untilState = (lab: RunnerLab, id: string, state: string) =>
  eventually(
    async () => (await lab.request(id))?.state === state,
    () => `request ${id} is ${state}`,
  );

describe('a mailing', () => {
  it('goes to its people and its categories united, each person once, and is done when the numbers balance', async () => {
    const lab = await openRunnerLab();
    const staff = Array.from({ length: 1_000_000 / 1_000 }, (_, block) => block * 1_000)
      .flatMap((first) => Array.from({ length: 1_000 }, (_, at) => first + at))
      .filter((number) => toUser(number).category === 'staff')
      .map(toUserId);
    const named = [...staff.slice(0, 300), ...Array.from({ length: 400 }, (_, index) => `named-${index}`)];
    const id = await lab.addMailing({ user_categories: ['staff', 'no-such-category'] }, named);
    lab.startRunner();
    await eventually(async () => (await lab.request(id))?.planning_complete === true, 'wholly planned');
    const people = await lab.people(id);
    expect(people.slice(0, 700)).toEqual([...named].sort());
    expect(new Set(people)).toEqual(new Set([...named, ...staff]));
    expect(people).toHaveLength(1_400);
    expect(await lab.request(id)).toMatchObject({
      state: 'running',
      planned: 1_400,
      chunk_count: 4,
      origin: 'mailing',
      people_from: id,
      template_version: 1,
    });

    const chunks = await lab.readEvents(lab.topics.planned.low, 4);
    expect(chunks.map((chunk) => chunk.chunk_id)).toEqual([0, 1, 2, 3].map((sequence) => chunkId(id, sequence)));
    expect(chunks.flatMap((chunk) => chunk.user_ids)).toEqual(people);
    await lab.end(chunks.slice(0, 3));
    expect(await lab.request(id)).toMatchObject({ state: 'running', ended_at: null });
    await lab.end(chunks.slice(3));
    await untilState(lab, id, 'done');
    expect((await lab.request(id))?.ended_at).not.toBeNull();
  });

  it('keeps no more people on their way than the window, and plans more as they end or wait for a retry', async () => {
    const lab = await openRunnerLab();
    const people = Array.from({ length: 4_000 }, (_, at) => `user-${String(at).padStart(5, '0')}`);
    const id = await lab.addMailing({}, people);
    lab.startRunner({ window: 2_000 });
    const untilPlanned = (planned: number) =>
      eventually(async () => (await lab.request(id))?.planned === planned, `${planned} are planned`);
    await untilPlanned(2_000);
    const chunks = await lab.readEvents(lab.topics.planned.low, 4);
    await lab.end(chunks.slice(0, 1));
    await untilPlanned(2_500);
    await lab.db
      .insertInto('counters')
      .values({ request_id: id, chunk_id: chunks[1]?.chunk_id ?? '', state: 'deferred', reason: 'busy', count: 500 })
      .execute();
    await untilPlanned(3_000);
    expect(await lab.request(id)).toMatchObject({ planning_complete: false, chunk_count: 6 });
  });

  it('waits while the user service is down, says so, and fails nobody', async () => {
    const lab = await openRunnerLab();
    await setKnobs(lab, { error_rate: 1 });
    const id = await lab.addMailing({ user_categories: ['staff'] }, ['ada']);
    const runner = lab.startRunner();
    await eventually(() => runner.waitingFor().includes('mailing runner: user-service'), 'it waits');
    expect(await lab.request(id)).toMatchObject({ planned: 1, state: 'running', planning_complete: false });
    await setKnobs(lab, {});
    await eventually(async () => (await lab.request(id))?.planned === 1_001, 'all are planned');
    await eventually(() => runner.waitingFor().length === 0, 'it waits no more');
  });

  it('is repeated with the same chunks after a crash between storing and publishing', async () => {
    const lab = await openRunnerLab();
    const people = Array.from({ length: 1_200 }, (_, at) => `user-${String(at).padStart(5, '0')}`);
    const id = await lab.addMailing({}, people);
    let published = 0;
    const dying = lab.startRunner({
      publisher: {
        async publish() {
          published++;
          throw new DependencyError('kafka', 'as if it died here');
        },
      },
    });
    await eventually(() => published > 0, 'stored and not published');
    await dying.stop();
    expect(await lab.request(id)).toMatchObject({ planned: 1_200, planning_complete: true });
    lab.startRunner();
    const chunks = await lab.readEvents(lab.topics.planned.low, 3);
    expect(chunks.map((chunk) => [chunk.sequence, chunk.user_ids.length])).toEqual([
      [0, 500],
      [1, 500],
      [2, 200],
    ]);
    expect(chunks.flatMap((chunk) => chunk.user_ids)).toEqual(people);
    expect((await lab.request(id))?.planned).toBe(1_200);
  });

  it('that meets a bug does not keep the others from going on', async () => {
    const lab = await openRunnerLab();
    const broken = await lab.addMailing({}, ['ada']);
    await adoptMailings({ db: lab.db, logger: lab.logger }, lab.clock.now);
    await lab.db.updateTable('requests').set({ cursor: 'of a release to come' }).execute();
    const bugs: unknown[] = [];
    const logger = Object.assign(Object.create(lab.logger), { error: (line: object) => bugs.push(line) });
    const runner = lab.startRunner({ logger });
    await eventually(() => bugs.length > 0, 'the bug is told');
    expect(bugs[0]).toMatchObject({ requestId: broken });
    const other = await lab.addMailing({}, ['bob']);
    await eventually(async () => (await lab.request(other))?.planned === 1, 'the other one is planned');
    expect(runner.waitingFor()).toEqual([]);
    expect(await lab.request(broken)).toMatchObject({ state: 'planning', planned: 0 });
  });

  it('is taken over when the lease of whoever died runs out, and nothing that a zombie still does counts', async () => {
    const lab = await openRunnerLab();
    const id = await lab.addMailing({}, ['ada', 'bob']);
    await adoptMailings({ db: lab.db, logger: lab.logger }, lab.clock.now);
    const look = { healAfterMs: 900_000, cancelAfterMs: 5_000 };
    const [zombie] = await claimDriven(lab.db, [id], look);
    expect(await claimDriven(lab.db, [id], look), 'its lease is alive').toEqual([]);
    await lab.db
      .updateTable('requests')
      .set({ lease_until: new Date(0) })
      .where('request_id', '=', id)
      .execute();
    const [heir] = await claimDriven(lab.db, [id], look);
    if (!zombie || !heir) throw new Error('not claimed');

    const before = await lab.request(id);
    const pageOf = (userId: string) => ({
      chunkCount: 0,
      chunks: [{ sequence: 0, userIds: [userId] }],
      cursor: 'members:',
      atEnd: true,
    });
    expect(await storePage(lab.db, zombie, pageOf('eve'))).toBeUndefined();
    expect(await renewLeases(lab.db, [zombie])).toEqual(new Set());
    expect(await readView(lab.db, zombie)).toBeUndefined();
    await releaseLease(lab.db, zombie, true);
    await notePaused(lab.db, zombie);
    expect(await noteCancelled(lab.db, zombie)).toBe(false);
    expect(await lab.request(id)).toEqual(before);
    expect(await lab.people(id)).toEqual([]);
    expect(await storePage(lab.db, heir, pageOf('ada'))).toBeTypeOf('number');
    expect(await storePage(lab.db, heir, pageOf('ada')), 'the same page again').toBeUndefined();
    expect(await lab.people(id)).toEqual(['ada']);
  });
});

async function setKnobs(lab: RunnerLab, knobs: object): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(`${lab.mock.url}/knobs`, { method: 'PUT', headers, body: JSON.stringify(knobs) });
  expect(answer.status).toBe(200);
}
