import { expect, it } from 'vitest';
import { newErasedId } from '../../domain/ids.ts';
import type { ChunkPlanned } from '../../lib/events.ts';
import { createTopics } from '../../lib/topics.ts';
import { toPlannedRecord } from './planned-record.ts';

const toRecord = (...userIds: string[]) =>
  toPlannedRecord({ chunk_id: 'chunk', priority: 'low', user_ids: userIds } as unknown as ChunkPlanned, createTopics());

it('is keyed by its person where there is one, and by the chunk otherwise', () => {
  expect(toRecord('ada').key).toBe('ada');
  expect(toRecord('ada', 'bob').key).toBe('chunk');
});

it('leaves out people who were erased', () => {
  const { key, event, topic } = toRecord('ada', newErasedId(), 'bob');
  expect([key, event.user_ids, topic.name]).toEqual(['chunk', ['ada', 'bob'], 'notifications.planned.low']);
  expect(toRecord(newErasedId()).event.user_ids).toEqual([]);
});
