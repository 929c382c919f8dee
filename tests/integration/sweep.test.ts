// The sweep of the planner: how requests that only name people end, and what is done for those that do not move.
import { sql } from 'kysely';
import { describe, expect, it } from 'vitest';
import { chunkId, notificationId } from '../../domain/ids.ts';
import type { ChunkPlanned, NotificationOutcome } from '../../lib/events.ts';
import type { SinkStage } from '../../lib/kafka/stage.ts';
import { findRequest } from '../../services/ingest/request-queries.ts';
import { eventually } from '../support/eventually.ts';
import { openRunnerLab, type RunnerLab } from '../support/runner-lab.ts';

const users = (count: number): string[] => Array.from({ length: count }, (_, at) => `user-${at}`);

async function untilState(lab: RunnerLab, id: string, state: string): Promise<void> {
  await eventually(async () => (await lab.request(id))?.state === state, `request ${id} is ${state}`);
}

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

/** Two whole walks have begun and ended: what they would do is done. */
async function untilSwept(lab: RunnerLab): Promise<void> {
  for (let walks = 0; walks < 2; walks++) {
    const [probe = ''] = await lab.addDirect([['probe']]);
    const chunks = await publishedOf(lab, [probe]);
    await lab.end(chunks);
    await untilState(lab, probe, 'done');
  }
}

async function publishedOf(lab: RunnerLab, ids: readonly string[]): Promise<ChunkPlanned[]> {
  const all = await lab.readEvents(lab.topics.planned.low, 1);
  return all.filter(({ request_id }) => ids.includes(request_id));
}

describe('a request that only names people', () => {
  it('is done when all of them have an end, at the time of the last end, and is never written before', async () => {
    const lab = await openRunnerLab();
    const ids = await lab.addDirect([...users(1_200).map((user) => [user]), users(600)]);
    const large = ids.at(-1) ?? '';
    const chunks = await lab.readEvents(lab.topics.planned.low, 1_202);
    const versions = async () =>
      (await sql<{ xmin: string }>`select distinct xmin::text from requests where state = 'running'`.execute(lab.db))
        .rows;
    const before = await versions();
    lab.startRunner();
    lab.startRunner();
    await lab.end(chunks.slice(0, 1_199));
    await untilState(lab, ids[0] ?? '', 'done');
    await untilState(lab, ids[1_198] ?? '', 'done');
    expect((await lab.request(ids[1_199] ?? ''))?.state).toBe('running');
    expect(await versions()).toEqual(before);

    await lab.end(chunks.slice(1_199));
    await untilState(lab, large, 'done');
    const last = await lab.db
      .selectFrom('deliveries')
      .select(({ fn }) => fn.max('ended_at').as('at'))
      .where('request_id', '=', large)
      .executeTakeFirstOrThrow();
    expect((await lab.request(large))?.ended_at).toEqual(last.at);
    expect(await findRequest(lab.db, large)).toMatchObject({ state: 'done', ended_at: last.at?.toISOString() });
  });

  it('that has been open for months, as the release before left it, is closed with the end it had', async () => {
    const lab = await openRunnerLab();
    const [id = ''] = await lab.addDirect([['ada']], { requested_at: Date.now() - 50 * 86_400_000 });
    const [chunk] = await lab.readEvents(lab.topics.planned.low, 1);
    if (!chunk) throw new Error('no chunk');
    await lab.end([chunk]);
    const at = new Date(Date.now() - 49 * 86_400_000);
    await lab.db.updateTable('deliveries').set({ ended_at: at }).execute();
    await lab.db.updateTable('requests').set({ stored_at: at }).execute();
    lab.startRunner();
    await untilState(lab, id, 'done');
    expect((await lab.request(id))?.ended_at).toEqual(at);
  });

  it('is published again three times when nothing is heard of it, then its people end as failed(lost)', async () => {
    const lab = await openRunnerLab();
    startDeafLanes(lab);
    const ids = await lab.addDirect([...users(20).map((user) => [user]), users(30)]);
    const chunks = await lab.readEvents(lab.topics.planned.low, 21);
    const some = chunks.slice(20).map((chunk) => ({ ...chunk, user_ids: chunk.user_ids.slice(0, 10) }));
    lab.startRunner({ healAfterMs: 300 });
    lab.startRunner({ healAfterMs: 300 });
    await lab.end(some);
    const outcomes = new Map<string, NotificationOutcome>();
    await eventually(async () => {
      for (const outcome of await lab.takeOutcomes(1)) outcomes.set(outcome.notification_id, outcome);
      return outcomes.size === 40;
    }, 'all who are missing have an outcome');
    expect(new Set([...outcomes.values()].map(({ state, reason, stage }) => `${state} ${reason} ${stage}`))).toEqual(
      new Set(['failed lost planner']),
    );
    for (const id of ids) await untilState(lab, id, 'done');
    const again = (await lab.readEvents(lab.topics.planned.low, 21)).slice(21);
    const rounds = Map.groupBy(again, ({ request_id }) => request_id);
    // Two planners never work on the same round, and nobody who is in the ledger is published.
    for (const id of ids) expect(rounds.get(id)?.length).toBe(3);
    expect(rounds.get(ids.at(-1) ?? '')?.every(({ user_ids }) => user_ids.length === 20)).toBe(true);
  });

  it('is not healed while its lanes have records to read, or a hold covers it, or its person waits for a retry', async () => {
    const lab = await openRunnerLab();
    // Nobody reads the lane high.
    const [unread = ''] = await lab.addDirect([['ada']], { priority: 'high' });
    startDeafLanes(lab);
    const [held = ''] = await lab.addDirect([['bob']], { is_promo: true });
    await lab.db
      .insertInto('sending_holds')
      .values({ scope: 'promotional', subject: '', author: 'eve', reason: 'a test' })
      .execute();
    const [deferred = ''] = await lab.addDirect([['cleo']]);
    await lab.db
      .insertInto('counters')
      .values({
        request_id: deferred,
        chunk_id: chunkId(deferred, 0),
        state: 'deferred',
        reason: 'greylisted',
        count: 1,
      })
      .execute();
    lab.startRunner({ healAfterMs: 1 });
    await untilSwept(lab);
    for (const id of [held, deferred]) expect((await lab.request(id))?.progress_at).toBeNull();
    expect(await publishedOf(lab, [held, deferred])).toHaveLength(2);
    expect(await lab.readEvents(lab.topics.planned.high, 1)).toHaveLength(1);
    expect((await lab.request(unread))?.progress_at).toBeNull();
  });

  it('of last month that was lost ends as failed(lost), and is not sent out of the blue', async () => {
    const lab = await openRunnerLab();
    startDeafLanes(lab);
    const [id = ''] = await lab.addDirect([['ada']]);
    await lab.readEvents(lab.topics.planned.low, 1);
    await lab.db
      .updateTable('requests')
      .set({ stored_at: new Date(Date.now() - 30 * 86_400_000) })
      .execute();
    lab.startRunner();
    const [outcome] = await lab.takeOutcomes(1);
    expect(outcome).toMatchObject({ notification_id: notificationId(id, 'ada', 'email'), reason: 'lost' });
    await untilState(lab, id, 'done');
    expect(await lab.readEvents(lab.topics.planned.low, 1)).toHaveLength(1);
  });

  it('that is cancelled ends as cancelled, its people without a row as skipped(cancelled)', async () => {
    const lab = await openRunnerLab();
    const [id = ''] = await lab.addDirect([users(3)]);
    const [chunk] = await lab.readEvents(lab.topics.planned.low, 1);
    if (!chunk) throw new Error('no chunk');
    await lab.end([{ ...chunk, user_ids: chunk.user_ids.slice(0, 1) }]);
    await lab.setHold(id, 'cancelled');
    lab.startRunner();
    const outcomes = await lab.takeOutcomes(2);
    expect(outcomes.map(({ user_id, reason }) => `${user_id} ${reason}`).sort()).toEqual([
      'user-1 cancelled',
      'user-2 cancelled',
    ]);
    await eventually(async () => (await lab.request(id))?.ended_at !== null, 'it has ended');
    expect((await lab.request(id))?.state).toBe('cancelled');
  });
});

it('is healed while others are sent all the time, so that its lanes always have something to read', async () => {
  const lab = await openRunnerLab();
  startDeafLanes(lab);
  const [id = ''] = await lab.addDirect([['ada']]);
  await lab.readEvents(lab.topics.planned.low, 1);
  const enough = new AbortController();
  const others = (async () => {
    while (!enough.signal.aborted) await lab.addDirect([['bob'], ['cleo']]);
  })();
  try {
    await lab.db
      .updateTable('requests')
      .set({ stored_at: new Date(Date.now() - 3_600_000) })
      .where('request_id', '=', id)
      .execute();
    lab.startRunner({ healAfterMs: 600_000 });
    await eventually(async () => (await lab.request(id))?.heal_rounds === 1, 'it is healed');
  } finally {
    enough.abort();
    await others;
  }
});
