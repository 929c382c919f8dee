// What waits is told apart by its channel, so that a channel that is down keeps nobody else waiting, and what cannot be read ends.
import { type Kysely, sql } from 'kysely';

export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of statements) await sql.raw(statement).execute(db);
}

const statements = [
  // channel: null in rows of the release before. awaits_channel: never tried, its channel was down when its record was read.
  // fault_count: how often the row could not be read or dispatched for its own sake.
  `alter table waiting add column channel text, add column awaits_channel boolean not null default false,
    add column fault_count integer not null default 0`,
  'create index waiting_due_by_channel on waiting (priority, channel, due_at)',
  // Their key is the person: messages to one person keep their order.
  'create index waiting_for_channel on waiting (priority, channel, key, rendered_offset) where awaits_channel',
];
