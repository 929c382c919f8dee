// A stage for tests of the runtime: an enricher that forwards everybody, unless a test has it behave otherwise.
import type { ChunkPlanned, NotificationEnriched, NotificationOutcome } from '../../lib/events.ts';
import type { Incoming, TransformStage } from '../../lib/kafka/stage.ts';
import type { StageLab } from './stage-lab.ts';

/** What the test does with each chunk, by its id; the rest is an enricher that forwards everybody. */
export interface TestStage extends TransformStage<'ChunkPlanned', unknown, 'NotificationEnriched'> {
  /** Every chunk id that was handed to load, slice by slice. */
  slices: string[][];
}

export function createTestStage(
  lab: StageLab,
  behaviour: {
    load?: (slice: readonly Incoming<ChunkPlanned>[], signal: AbortSignal) => unknown;
    transform?: (chunk: ChunkPlanned) => void;
    lane?: 'high' | 'medium' | 'low';
  } = {},
): TestStage {
  const priority = behaviour.lane ?? 'high';
  const lane = lab.topics.lanes.enricher.find(({ name }) => name === priority);
  if (!lane) throw new Error(`no lane ${priority}`);
  const slices: string[][] = [];
  return {
    kind: 'transform',
    name: 'enricher',
    lane,
    slices,
    countPeople: (chunk) => chunk.user_ids.length,
    async load(slice, signal) {
      slices.push(slice.map(({ event }) => event.chunk_id));
      return behaviour.load?.(slice, signal);
    },
    transform({ event }, _facts, now) {
      behaviour.transform?.(event);
      const forward = event.user_ids.map((userId) => ({
        topic: lab.topics.enriched[priority],
        key: userId,
        event: toEnriched(event, userId, now),
      }));
      return { forward, outcomes: [] };
    },
    fail: (chunk, error, now) => chunk.user_ids.map((userId) => toFailed(chunk, userId, error, now)),
  };
}

export function chunk(chunkId: string, userIds: readonly string[] = [`user-${chunkId}`]): ChunkPlanned {
  return {
    test_address: null,
    chunk_id: chunkId,
    request_id: 'request-1',
    sequence: 0,
    priority: 'high',
    is_promo: false,
    template_id: 'welcome',
    template_version: 1,
    template_kind: 'common',
    channel: 'email',
    on_no_answer: 'resend',
    context: '{}',
    requested_at: 1_700_000_000_000,
    planned_at: 1_700_000_000_001,
    expires_at: null,
    user_ids: [...userIds],
  };
}

function toEnriched(from: ChunkPlanned, userId: string, now: number): NotificationEnriched {
  const { sequence: _sequence, template_kind: _kind, user_ids: _ids, ...rest } = from;
  return {
    is_test: false,
    ...rest,
    notification_id: `n-${userId}`,
    user_id: userId,
    address: 'a@example.com',
    first_name: 'A',
    last_name: 'B',
    collected: '{}',
    enriched_at: now,
  };
}

function toFailed(
  from: ChunkPlanned,
  userId: string,
  error: { code: string; message: string },
  now: number,
): NotificationOutcome {
  const { chunk_id, request_id, priority, channel, template_id, template_version, requested_at, planned_at } = from;
  return {
    is_test: false,
    ...{ chunk_id, request_id, priority, channel, template_id, template_version, requested_at, planned_at },
    notification_id: `n-${userId}`,
    user_id: userId,
    state: 'failed',
    reason: error.code === 'too_large' ? 'too_large' : 'dead_lettered',
    detail: error.code,
    stage: 'enricher',
    attempt: 0,
    enriched_at: null,
    ended_at: now,
  };
}
