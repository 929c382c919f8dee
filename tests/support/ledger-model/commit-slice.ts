// The end of a slice of the model that came from Kafka: its offsets are committed.
import type { Slice } from './slice.ts';
import { holdOf, noteOf, type World } from './world.ts';

/** What this worker read is owed no more, but for what a pause or hold let pass. */
export function commitSlice(world: World, worker: string, { messages, sorted }: Slice): void {
  for (const { event } of messages) {
    const note = noteOf(world, event.notification_id);
    if (note.reader === worker) note.isOwed = false;
  }
  for (const { event } of sorted.passed) {
    const note = noteOf(world, event.notification_id);
    // When that has ended meanwhile, its people without a row have been published again already.
    if (holdOf(world, event) === 'paused') note.isPassed = true;
    else note.isOwed = true;
  }
}
