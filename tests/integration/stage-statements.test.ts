// Statements that come to no end (30 s are over, a deadlock) while Postgres answers: one record's fault, or everybody's.
import { describe, expect, it } from 'vitest';
import { StatementUndoneError } from '../../lib/db/database.ts';
import { openStageLab } from '../support/stage-lab.ts';
import { codes, expectCommitted, forwardedTo, readPutAside } from '../support/stage-views.ts';
import { chunk, createTestStage } from '../support/test-stage.ts';

const undone = () =>
  new StatementUndoneError(Object.assign(new Error('canceling statement due to statement timeout'), { code: '57014' }));

describe('statements that never come to their end', { timeout: 120_000 }, () => {
  it.each([
    ['first', ['bad', 'a', 'b', 'c']],
    ['in the middle', ['a', 'bad', 'b', 'c']],
    ['at both ends', ['bad', 'a', 'b', 'c', 'bad2']],
    ['twice at the beginning', ['bad', 'bad2', 'a', 'b', 'c']],
  ])('for a record that stands %s end that record, and the others go on', async (_, ids) => {
    const lab = await openStageLab();
    await lab.sendEvents(
      lab.topics.planned.high,
      ids.map((id) => chunk(id)),
    );
    const load = (slice: readonly { event: { chunk_id: string } }[]) => {
      if (slice.some(({ event }) => event.chunk_id.startsWith('bad'))) throw undone();
    };
    lab.start(createTestStage(lab, { load }));
    expect(await forwardedTo(lab, 3)).toEqual(['user-a', 'user-b', 'user-c']);
    const badCount = ids.length - 3;
    expect(codes(await readPutAside(lab, badCount))).toEqual(new Array(badCount).fill('statement_undone'));
    expect(await lab.readEvents(lab.topics.outcomes, badCount)).toHaveLength(badCount);
    await expectCommitted(lab, ids.length);
  });

  it('for a record that is alone end it as well, after some more tries', async () => {
    const lab = await openStageLab();
    const load = (slice: readonly { event: { chunk_id: string } }[]) => {
      if (slice.some(({ event }) => event.chunk_id === 'bad')) throw undone();
    };
    await lab.sendEvents(lab.topics.planned.high, [chunk('bad')]);
    const stage = createTestStage(lab, { load });
    lab.start(stage);
    expect(codes(await readPutAside(lab, 1))).toEqual(['statement_undone']);
    expect(stage.slices.length).toBeGreaterThanOrEqual(6);
    await lab.sendEvents(lab.topics.planned.high, [chunk('a')]);
    expect(await forwardedTo(lab, 1)).toEqual(['user-a']);
  });

  it('for everybody are the state of Postgres: the lane waits, and nobody is judged', async () => {
    const lab = await openStageLab();
    let tries = 0;
    const load = () => {
      tries += 1;
      if (tries <= 9) throw undone();
    };
    await lab.sendEvents(
      lab.topics.planned.high,
      ['a', 'b', 'c'].map((id) => chunk(id)),
    );
    lab.start(createTestStage(lab, { load }));
    expect(await forwardedTo(lab, 3)).toEqual(['user-a', 'user-b', 'user-c']);
    expect(await lab.metrics.metrics()).not.toMatch(/posthorn_records_dead_lettered_total\{/);
    await expectCommitted(lab, 3);
  });
});
