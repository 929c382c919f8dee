// The mailing runner on a real broker, a real Postgres and the user-mock: from a confirmed mailing to numbers that balance.
import { describe, expect, it } from 'vitest';
import { chunkId } from '../../lib/ids.ts';
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
});
