// Pause, resume and cancel as the mailing runner does them, and what it does for people who got lost on the way.
import { describe, expect, it } from 'vitest';
import type { ChunkPlanned } from '../../lib/events.ts';
import type { SinkStage } from '../../lib/kafka/stage.ts';
import { pause, resume } from '../../services/admin/queries/mailings-holds.ts';
import { eventually } from '../support/eventually.ts';
import { openRunnerLab, type RunnerLab } from '../support/runner-lab.ts';

const peopleOf = (chunks: readonly ChunkPlanned[]): string[] => chunks.flatMap((chunk) => chunk.user_ids);
const users = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => `user-${String(at).padStart(5, '0')}`);
const until = (lab: RunnerLab, id: string, wanted: object) =>
  eventually(
    async () => {
      const row = await lab.request(id);
      return row !== undefined && Object.entries(wanted).every(([name, value]) => Reflect.get(row, name) === value);
    },
    () => `request ${id} is ${JSON.stringify(wanted)}`,
  );

/** The lanes behind the planner read all there is, and nothing comes of it. */
function startDeafLanes(lab: RunnerLab): void {
  const { enricher, outcomes } = lab.topics.lanes;
  for (const lane of [...enricher.filter(({ name }) => name === 'low'), outcomes]) {
    const deaf: SinkStage<'ChunkPlanned' | 'NotificationOutcome'> = {
      kind: 'sink',
      name: lane.stage,
      lane,
      fail: () => [],
      handle: async () => ({ refused: [] }),
    };
    lab.start(deaf);
  }
}

describe('a pause', () => {
  it('stops planning at once; the resume publishes those without a row again, each in its chunk, and goes on', async () => {
    const lab = await openRunnerLab();
    const people = users(3_000);
    const id = await lab.addMailing({}, people);
    lab.startRunner({ window: 1_000 });
    await until(lab, id, { planned: 1_000 });
    const [first, second] = await lab.readEvents(lab.topics.planned.low, 2);
    if (!first || !second) throw new Error('no chunks');
    await lab.setHold(id, 'paused');
    await until(lab, id, { state: 'paused' });
    // Half of the second chunk's people ended; there is room for more, but nobody is planned.
    await lab.end([first, { ...second, user_ids: second.user_ids.slice(0, 250) }]);
    await lab.setHold(id, null);
    await until(lab, id, { state: 'running' });
    await until(lab, id, { planned: 1_750 });

    const chunks = await lab.readEvents(lab.topics.planned.low, 4);
    expect(chunks[2]).toEqual({ ...second, user_ids: second.user_ids.slice(250) });
    expect(chunks[3]).toMatchObject({ sequence: 2, user_ids: people.slice(1_000, 1_500) });
    await eventually(async () => {
      await lab.end(await lab.readEvents(lab.topics.planned.low, 4));
      return (await lab.request(id))?.state === 'done';
    }, 'it is done');
    expect(await lab.people(id)).toEqual(people);
    expect((await lab.request(id))?.planned).toBe(3_000);
  });

  it('before anything was planned keeps it from beginning', async () => {
    const lab = await openRunnerLab();
    const id = await lab.addMailing({}, users(10));
    await lab.setHold(id, 'paused');
    lab.startRunner();
    await until(lab, id, { state: 'paused', planned: 0 });
    await lab.setHold(id, null);
    await until(lab, id, { state: 'running', planned: 10 });
  });

  it('also holds a request that went its way directly, once all its chunks are out', async () => {
    const lab = await openRunnerLab();
    const id = await lab.addMailing({}, users(4));
    const runner = lab.startRunner();
    await until(lab, id, { planning_complete: true });
    await runner.stop();
    // As the planner's lanes store one.
    await lab.db
      .updateTable('requests')
      .set({ driven: false, progress_at: null })
      .where('request_id', '=', id)
      .execute();
    await lab.setHold(id, 'paused');
    lab.startRunner();
    await until(lab, id, { state: 'paused', driven: true });
    await lab.setHold(id, null);
    const chunks = await lab.readEvents(lab.topics.planned.low, 2);
    expect(peopleOf(chunks.slice(1))).toEqual(users(4));
  });
});

describe('a cancel', () => {
  it('ends the planned people without a row as skipped(cancelled), and counts nobody who was never planned', async () => {
    const lab = await openRunnerLab();
    const people = users(3_000);
    const id = await lab.addMailing({}, people);
    lab.startRunner({ window: 1_000 });
    await until(lab, id, { planned: 1_000 });
    const chunks = await lab.readEvents(lab.topics.planned.low, 2);
    await lab.end(chunks.slice(0, 1));
    await until(lab, id, { planned: 1_500 });
    await lab.setHold(id, 'cancelled');
    await until(lab, id, { state: 'cancelled', planning_complete: true, ended_at: null });
    const outcomes = await lab.takeOutcomes(1_000);
    expect(outcomes.map((outcome) => outcome.user_id)).toEqual(people.slice(500, 1_500));
    expect(outcomes[0]).toMatchObject({
      state: 'skipped',
      reason: 'cancelled',
      stage: 'planner',
      chunk_id: chunks[1]?.chunk_id,
    });
    await eventually(async () => (await lab.request(id))?.ended_at !== null, 'its numbers balance');
    expect(await lab.request(id)).toMatchObject({ state: 'cancelled', planned: 1_500 });
  });

  it('while paused does the same', async () => {
    const lab = await openRunnerLab();
    const id = await lab.addMailing({}, users(700));
    lab.startRunner();
    await until(lab, id, { planned: 700 });
    await lab.setHold(id, 'paused');
    await until(lab, id, { state: 'paused' });
    await lab.setHold(id, 'cancelled');
    await until(lab, id, { state: 'cancelled' });
    expect(await lab.takeOutcomes(700)).toHaveLength(700);
    await eventually(async () => (await lab.request(id))?.ended_at !== null, 'its numbers balance');
  });

  it('looks again when the numbers do not balance, until they do', async () => {
    const lab = await openRunnerLab();
    const id = await lab.addMailing({}, users(3));
    startDeafLanes(lab);
    lab.startRunner({ cancelAfterMs: 500 });
    await until(lab, id, { planned: 3 });
    await lab.setHold(id, 'cancelled');
    // The first outcomes come to nothing.
    const outcomes = await lab.takeOutcomes(6);
    expect(new Set(outcomes.map((outcome) => outcome.user_id)).size).toBe(3);
    await eventually(async () => (await lab.request(id))?.ended_at !== null, 'its numbers balance');
  });

  it.each(['a mailing whose time has not come', 'one that waits as late'])('ends %s with nobody', async (which) => {
    const lab = await openRunnerLab();
    const offsetMs = which.startsWith('a mailing') ? 3_600_000 : -7_200_000;
    const id = await lab.addMailing({ scheduled_at: new Date(lab.clock.now + offsetMs) }, users(10));
    lab.startRunner();
    if (offsetMs < 0) await until(lab, id, { state: 'paused', detail: 'late' });
    await lab.setHold(id, 'cancelled');
    await until(lab, id, { state: 'cancelled', planned: 0, planning_complete: true });
    expect((await lab.request(id))?.ended_at).not.toBeNull();
  });

  it('that comes after the last one ended leaves it done', async () => {
    const lab = await openRunnerLab();
    const id = await lab.addMailing({}, users(2));
    const runner = lab.startRunner();
    const chunks = await lab.readEvents(lab.topics.planned.low, 1);
    await until(lab, id, { planning_complete: true });
    await runner.stop();
    await lab.end(chunks);
    await lab.setHold(id, 'cancelled');
    lab.startRunner();
    await until(lab, id, { state: 'done', planned: 2 });
  });
});

describe('a mailing that does not move', () => {
  it('gets its lost people published three times more, then they end as failed(lost)', async () => {
    const lab = await openRunnerLab();
    const people = users(600);
    const id = await lab.addMailing({}, people);
    startDeafLanes(lab);
    const patient = lab.startRunner();
    const chunks = await lab.readEvents(lab.topics.planned.low, 2);
    await until(lab, id, { planning_complete: true });
    await patient.stop();
    await lab.end([
      ...chunks.slice(0, 1),
      ...chunks.slice(1).map((chunk) => ({ ...chunk, user_ids: chunk.user_ids.slice(1) })),
    ]);
    lab.startRunner({ healAfterMs: 400 });
    const again = await lab.readEvents(lab.topics.planned.low, 5);
    const lost = people[500];
    expect(peopleOf(again.slice(2))).toEqual([lost, lost, lost]);
    expect(again[2]).toMatchObject({ chunk_id: chunks[1]?.chunk_id, sequence: 1 });
    const outcome = (await lab.takeOutcomes(1))[0];
    expect(outcome).toMatchObject({ user_id: lost, state: 'failed', reason: 'lost', stage: 'planner' });
    await until(lab, id, { state: 'done', planned: 600 });
  });

  it('is left alone for as long as its lanes have records to read', async () => {
    const lab = await openRunnerLab();
    const id = await lab.addMailing({}, users(3));
    lab.startRunner({ healAfterMs: 200 });
    await until(lab, id, { planning_complete: true });
    const first = (await lab.request(id))?.progress_at?.getTime() ?? 0;
    await eventually(
      async () => ((await lab.request(id))?.progress_at?.getTime() ?? 0) > first + 1_000,
      'it was looked at',
    );
    expect(await lab.readEvents(lab.topics.planned.low, 1)).toHaveLength(1);
    expect((await lab.request(id))?.heal_rounds).toBe(0);
  });
});

it('a pause that is lifted before any planner has seen it goes on at once: the dispatcher may have let records pass', async () => {
  const lab = await openRunnerLab();
  const mailing = await lab.addMailing({}, ['ada', 'bob']);
  const [direct = ''] = await lab.addDirect([['eve']]);
  const runner = lab.startRunner();
  await eventually(async () => (await lab.request(mailing))?.planning_complete === true, 'planned');
  await lab.readEvents(lab.topics.planned.low, 2);
  await runner.stop();
  for (const id of [mailing, direct]) {
    await pause(lab.db, id, 'anna');
    expect(await resume(lab.db, id)).toBe(true);
  }
  lab.startRunner();
  const again = await lab.readEvents(lab.topics.planned.low, 4);
  expect(
    again
      .slice(2)
      .map((chunk) => chunk.request_id)
      .sort(),
  ).toEqual([mailing, direct].sort());
  for (const id of [mailing, direct])
    await eventually(async () => (await lab.request(id))?.state === 'running', 'resumed');
});
