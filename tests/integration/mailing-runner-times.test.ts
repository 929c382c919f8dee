// When mailings begin: at their time, late, and again and again. The test moves the planner's clock.
import { describe, expect, it } from 'vitest';
import { firingId } from '../../domain/ids.ts';
import { eventually } from '../support/eventually.ts';
import { openRunnerLab, type RunnerLab } from '../support/runner-lab.ts';
import { changeTemplate } from '../support/templates.ts';

const hourMs = 3_600_000;
const firingsOf = (lab: RunnerLab, seriesId: string) =>
  lab.db.selectFrom('requests').selectAll().where('series_id', '=', seriesId).orderBy('scheduled_at').execute();
const untilFirings = async (lab: RunnerLab, seriesId: string, count: number) => {
  await eventually(async () => (await firingsOf(lab, seriesId)).length >= count, `${count} firings`);
  return firingsOf(lab, seriesId);
};
const untilState = (lab: RunnerLab, id: string, state: string) =>
  eventually(
    async () => (await lab.request(id))?.state === state,
    () => `${id} is ${state}`,
  );
/** The runner has looked at all that is due now. */
async function settle(lab: RunnerLab): Promise<void> {
  const id = await lab.addMailing({}, []);
  await untilState(lab, id, 'done');
}

/** Every series has been looked at with the clock as it is: one that fires each minute has fired, and another after it. */
async function settleSeries(lab: RunnerLab): Promise<void> {
  for (let round = 0; round < 2; round++) {
    const confirmed_at = new Date(lab.clock.now - 61_000);
    const id = await lab.addMailing({ recurrence: '* * * * *', template_version: null, confirmed_at });
    await untilFirings(lab, id, 1);
    await lab.db.updateTable('mailings').set({ status: 'draft' }).where('mailing_id', '=', id).execute();
  }
}

describe('a mailing', () => {
  it('begins when its time has come, and not before', async () => {
    const lab = await openRunnerLab();
    const id = await lab.addMailing({ scheduled_at: new Date(lab.clock.now + hourMs) }, ['ada']);
    lab.startRunner();
    await settle(lab);
    expect(await lab.request(id)).toBeUndefined();
    lab.clock.now += hourMs;
    await untilState(lab, id, 'running');
  });

  it('to nobody is done with nobody', async () => {
    const lab = await openRunnerLab();
    const id = await lab.addMailing({ user_categories: ['no-such-category'] });
    lab.startRunner();
    await untilState(lab, id, 'done');
    expect(await lab.request(id)).toMatchObject({ planned: 0, chunk_count: 0, planning_complete: true });
  });

  it('that is a draft, history or was taken back is left alone; one whose template was archived is rejected', async () => {
    const lab = await openRunnerLab();
    const drafts = [
      await lab.addMailing({ status: 'draft' }, ['ada']),
      await lab.addMailing({ status: 'done' }, ['ada']),
    ];
    const gone = await lab.addMailing({ template_version: 9 }, ['ada']);
    lab.startRunner();
    await untilState(lab, gone, 'rejected');
    expect((await lab.request(gone))?.detail).toBe("The template 'news' has no version 9.");
    for (const draft of drafts) expect(await lab.request(draft)).toBeUndefined();
    await lab.db.updateTable('templates').set({ archived_at: new Date() }).execute();
    const archived = await lab.addMailing({}, ['ada']);
    await untilState(lab, archived, 'rejected');
    expect((await lab.request(archived))?.detail).toMatch(/^The template 'news' was archived/);
    expect((await lab.request(archived))?.ended_at).not.toBeNull();
  });

  it('more than an hour late waits until somebody releases it', async () => {
    const lab = await openRunnerLab();
    const id = await lab.addMailing({ scheduled_at: new Date(lab.clock.now - 2 * hourMs) }, ['ada']);
    lab.startRunner();
    await untilState(lab, id, 'paused');
    expect((await lab.request(id))?.detail).toBe('late');
    await settle(lab);
    expect((await lab.request(id))?.state).toBe('paused');
    await lab.db.updateTable('mailings').set({ released_at: new Date() }).where('mailing_id', '=', id).execute();
    await untilState(lab, id, 'running');
    expect(await lab.request(id)).toMatchObject({ planned: 1, detail: '' });
  });
});

describe('a recurring mailing', () => {
  // A Monday in the week in which the clocks of Berlin go forward.
  const monday = Date.UTC(2026, 2, 23, 6);
  const daily = { recurrence: '0 9 * * *', time_zone: 'Europe/Berlin', template_version: null };

  it('fires at each of its times once, with two planners, with the version active at that time', async () => {
    const lab = await openRunnerLab();
    lab.clock.now = monday;
    const id = await lab.addMailing({ ...daily, expires_after_minutes: 90 }, ['ada', 'bob']);
    lab.startRunner();
    lab.startRunner();
    const expected: number[] = [];
    for (let day = 0; day < 8; day++) {
      // 09:00 in Berlin is 08:00 UTC until Saturday, and 07:00 UTC from Sunday on.
      const at = Date.UTC(2026, 2, 23 + day, day < 6 ? 8 : 7);
      lab.clock.now = at - 1;
      if (day < 2) await settleSeries(lab);
      expect(await firingsOf(lab, id)).toHaveLength(day);
      lab.clock.now = at + 1_500;
      await untilFirings(lab, id, day + 1);
      expected.push(at);
      if (day === 2) await changeTemplate(lab.db, { templateId: 'news', text: 'new' }, 2);
    }
    const firings = await firingsOf(lab, id);
    expect(firings.map((firing) => firing.request_id)).toEqual(expected.map((at) => firingId(id, at)));
    expect(firings.map((firing) => firing.template_version)).toEqual([1, 1, 1, 2, 2, 2, 2, 2]);
    expect(firings[0]).toMatchObject({
      origin: 'series',
      people_from: id,
      scheduled_at: new Date(expected[0] ?? 0),
      expires_at: new Date((expected[0] ?? 0) + 90 * 60_000),
    });
    await eventually(async () => (await firingsOf(lab, id)).every((firing) => firing.planned === 2), 'all are planned');
    expect((await lab.readEvents(lab.topics.planned.low, 8)).map((chunk) => chunk.user_ids)).toEqual(
      expected.map(() => ['ada', 'bob']),
    );
  });

  it.each(['BST', 'JST', 'EST', 'Etc/GMT+5'])(
    'in the zone %s, which the release before took, does not fire',
    async (time_zone) => {
      const lab = await openRunnerLab();
      lab.clock.now = monday;
      const id = await lab.addMailing({ ...daily, recurrence: '0 * * * *', time_zone }, ['ada']);
      lab.startRunner();
      lab.clock.now += 3 * hourMs;
      await settleSeries(lab);
      expect(await firingsOf(lab, id)).toEqual([]);
      await lab.db
        .updateTable('mailings')
        .set({ time_zone: 'Europe/London', confirmed_at: new Date(lab.clock.now) })
        .where('mailing_id', '=', id)
        .execute();
      lab.clock.now += hourMs;
      await untilFirings(lab, id, 1);
    },
  );

  it('makes up only for the last time that was missed, which waits when it is late', async () => {
    const lab = await openRunnerLab();
    lab.clock.now = monday;
    const id = await lab.addMailing(daily, ['ada']);
    lab.clock.now = Date.UTC(2026, 2, 26, 7, 59);
    lab.startRunner();
    const [firing, ...others] = await untilFirings(lab, id, 1);
    expect(others).toEqual([]);
    expect(firing).toMatchObject({ scheduled_at: new Date(Date.UTC(2026, 2, 25, 8)), state: 'paused', detail: 'late' });
    // Released for an earlier one: not for this.
    const release = (released_at: Date) =>
      lab.db.updateTable('mailings').set({ released_at }).where('mailing_id', '=', id).execute();
    await release(new Date(Date.UTC(2026, 2, 25, 7)));
    await settle(lab);
    expect((await firingsOf(lab, id))[0]?.state).toBe('paused');
    await release(new Date(lab.clock.now));
    await untilState(lab, firing?.request_id ?? '', 'running');
    // The next one is on time again.
    lab.clock.now = Date.UTC(2026, 2, 26, 8, 0, 1);
    expect((await untilFirings(lab, id, 2))[1]?.state).not.toBe('paused');
  });

  it('passes over its times while it is paused, fires again afterwards, and ends when it is cancelled', async () => {
    const lab = await openRunnerLab();
    lab.clock.now = monday;
    const id = await lab.addMailing(daily, ['ada']);
    await lab.setHold(id, 'paused');
    lab.startRunner();
    lab.clock.now = Date.UTC(2026, 2, 24, 9);
    await eventually(
      async () => (await lab.db.selectFrom('series_cursors').selectAll().execute()).length > 0,
      'passed over',
    );
    await lab.setHold(id, null);
    await settleSeries(lab);
    expect(await firingsOf(lab, id)).toEqual([]);
    lab.clock.now = Date.UTC(2026, 2, 25, 8, 1);
    await untilFirings(lab, id, 1);
    await lab.setHold(id, 'cancelled');
    lab.clock.now = Date.UTC(2026, 2, 26, 8, 1);
    await settleSeries(lab);
    expect(await firingsOf(lab, id)).toHaveLength(1);
  });

  it('does not fire before its first moment', async () => {
    const lab = await openRunnerLab();
    lab.clock.now = monday;
    const id = await lab.addMailing({ ...daily, scheduled_at: new Date(Date.UTC(2026, 2, 25, 8)) }, ['ada']);
    lab.startRunner();
    lab.clock.now = Date.UTC(2026, 2, 24, 9);
    await settleSeries(lab);
    expect(await firingsOf(lab, id)).toEqual([]);
    lab.clock.now = Date.UTC(2026, 2, 25, 8, 0, 1);
    await untilFirings(lab, id, 1);
  });

  it('with a rhythm that is none does not keep the others from firing', async () => {
    const lab = await openRunnerLab();
    lab.clock.now = monday;
    await lab.addMailing({ ...daily, recurrence: 'now and then' }, ['ada']);
    const id = await lab.addMailing(daily, ['ada']);
    lab.startRunner();
    lab.clock.now = Date.UTC(2026, 2, 23, 8, 1);
    await untilFirings(lab, id, 1);
  });
});
