// The end of a slice of the model that came from Kafka: its offsets are committed.
import type { Slice } from './slice.ts';
import { noteOf, type World } from './world.ts';

/** What this worker read is owed no more, but for what the pause let pass. */
export function commitSlice(world: World, worker: string, { messages, sorted }: Slice): void {
  for (const { event } of messages) {
    const note = noteOf(world, event.notification_id);
    if (note.reader === worker) note.isOwed = false;
  }
  for (const { event } of sorted.passed) {
    const note = noteOf(world, event.notification_id);
    // When the pause has ended meanwhile, its people without a row have been published again already.
    if (world.holds.get(event.request_id) === 'paused') note.isPassed = true;
    else note.isOwed = true;
  }
}
