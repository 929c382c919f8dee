// One poison chunk must not fail the call, or the statement, that it would share with hundreds of people.
import { expect, it, vi } from 'vitest';
import { PermanentError } from '../../lib/errors.ts';
import type { ChunkPlanned } from '../../lib/events.ts';
import type { Incoming } from '../../lib/kafka/stage.ts';
import { createTopics } from '../../lib/topics.ts';
import type { UserService } from '../../lib/user-service.ts';
import { createEnricherStage } from './enricher-stage.ts';

const topics = createTopics('');
const incoming = (changes: Partial<ChunkPlanned>): Incoming<ChunkPlanned> => ({
  event: {
    test_address: null,
    chunk_id: '0a1b2c3d-0000-8000-8000-000000000002',
    request_id: '0a1b2c3d-0000-4000-8000-000000000001',
    sequence: 0,
    priority: 'low',
    is_promo: true,
    template_id: 'welcome',
    template_version: 1,
    template_kind: 'monthly_personal_statistic',
    channel: 'email',
    on_no_answer: 'park',
    context: '{}',
    requested_at: 1,
    planned_at: 2,
    expires_at: null,
    user_ids: ['ada'],
    ...changes,
  },
  key: 'k',
  traceparent: undefined,
  topic: topics.planned.low.name,
  partition: 0,
  offset: '1',
  timestampMs: 3,
});

const poison: [string, Partial<ChunkPlanned>, string[]][] = [
  ['more people than the user service answers for at once', { user_ids: Array(1_001).fill('bob') }, ['bob']],
  ['an id that is none', { user_ids: ['bob', 'not an id', 'a\0'] }, ['bob']],
  ['a request id that is no UUID', { request_id: 'order 17' }, []],
  ['a chunk id that is no UUID', { chunk_id: '' }, []],
  ['a template id with a NUL', { template_id: 'a\0' }, []],
  ['a template kind with a NUL', { template_kind: 'a\0' }, []],
  ['a time before 1970', { requested_at: -1 }, []],
];

it.each(poison)('refuses a chunk with %s, and asks only for the people beside it', async (_what, changes, failed) => {
  const lane = topics.lanes.enricher.find(({ name }) => name === 'low');
  if (!lane) throw new Error('there is a low lane');
  const fetchUsers = vi.fn<UserService['fetchUsers']>(async () => new Map());
  const find = vi.fn(async () => new Set<string>());
  const nobody = { isAny: async () => false, find: async () => new Map() };
  const stage = createEnricherStage(
    lane,
    topics.enriched,
    { fetchUsers } as unknown as UserService,
    { find },
    nobody,
    async () => {},
  );
  const [bad, good] = [incoming(changes), incoming({})];
  const facts = await stage.load([bad, good], new AbortController().signal);
  expect(fetchUsers.mock.calls[0]?.[0]).toEqual(['ada']);
  expect(find).toHaveBeenCalledWith(['ada']);

  expect(() => stage.transform(bad, facts, 9)).toThrow(PermanentError);
  expect(() => stage.transform(bad, facts, 9)).toThrow(expect.objectContaining({ code: 'record_invalid' }));
  const outcomes = stage.fail(bad.event, { code: 'record_invalid', message: 'poison' }, 9);
  expect([...new Set(outcomes.map(({ user_id }) => user_id))]).toEqual(failed);
  expect(stage.transform(good, facts, 9).outcomes).toMatchObject([{ user_id: 'ada', reason: 'unknown_user' }]);
});
