// Requests that only name people, after the planner's lanes have let go of them: what is published again of them.
import { describe, expect, it } from 'vitest';
import { createRequestStore } from '../../services/planner/request-store.ts';
import { republishMissingOf } from '../../services/planner/runner/direct-requests.ts';
import { openRunnerLab, type RunnerLab } from '../support/runner-lab.ts';

const users = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => `user-${String(at).padStart(5, '0')}`);
const partsOf = (lab: RunnerLab) => ({
  db: lab.db,
  store: createRequestStore(lab.db),
  publisher: lab.publisher,
  topics: lab.topics,
});

describe('publishing requests again', () => {
  it('takes the people without a row alone, each with their chunk, however many requests there are', async () => {
    const lab = await openRunnerLab();
    const named = users(1_200);
    const [large = ''] = await lab.addDirect([named]);
    const singles = await lab.addDirect(users(700).map((user) => [user]));
    const before = await lab.readEvents(lab.topics.planned.low, 703);
    const ofLarge = before.slice(0, 3);
    await lab.end(ofLarge.slice(0, 1));
    await lab.end(ofLarge.slice(1, 2).map((chunk) => ({ ...chunk, user_ids: chunk.user_ids.slice(0, 480) })));
    await lab.end(before.slice(3, 603));

    expect(await republishMissingOf(partsOf(lab), [large, ...singles])).toBe(20 + 200 + 100);
    const again = (await lab.readEvents(lab.topics.planned.low, 703 + 2 + 100)).slice(703);
    expect(again.slice(0, 2)).toMatchObject([
      { chunk_id: ofLarge[1]?.chunk_id, user_ids: named.slice(980, 1_000) },
      { chunk_id: ofLarge[2]?.chunk_id, user_ids: named.slice(1_000) },
    ]);
    const ids = (chunks: typeof again) => chunks.map(({ chunk_id, user_ids }) => `${chunk_id} ${user_ids}`).sort();
    expect(ids(again.slice(2))).toEqual(ids(before.slice(603)));
  });

  it('leaves out what has ended and what is held itself', async () => {
    const lab = await openRunnerLab();
    const [open = '', paused = '', cancelled = '', over = ''] = await lab.addDirect([
      ['ada'],
      ['bob'],
      ['cleo'],
      ['dan'],
    ]);
    await lab.setHold(paused, 'paused');
    await lab.setHold(cancelled, 'cancelled');
    await lab.db.updateTable('requests').set({ ended_at: new Date() }).where('request_id', '=', over).execute();
    expect(await republishMissingOf(partsOf(lab), [open, paused, cancelled, over])).toBe(1);
  });
});
