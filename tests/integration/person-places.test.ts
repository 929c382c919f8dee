// The list of places that hold something of a person, against the tables that there are: a column that is added is either
// in the list, so that erase and export know it, or said here to hold nothing of a person.
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { mentionPlaces } from '../../cli/person/mentions.ts';
import { places } from '../../cli/person/places.ts';
import { createDatabase, type Db } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import { createTestDatabase } from '../support/test-database.ts';

let db: Db;
let drop: () => Promise<void>;

beforeAll(async () => {
  const database = await createTestDatabase('places');
  db = createDatabase({ url: database.databaseUrl, applicationName: 'test' });
  drop = async () => {
    await db.destroy();
    await database.drop();
  };
  await migrate(db);
});
afterAll(() => drop?.());

/** Of these tables, columns that could hold a text and hold nothing of a recipient, and why. */
const holdNothing: Readonly<Record<string, { why: string; columns: readonly string[] }>> = {
  accepted: { why: 'no text of a caller', columns: [] },
  admin_known_addresses: { why: 'where people with access log in from', columns: ['address'] },
  admin_log_in_tries: { why: 'where people with access log in from', columns: ['address', 'name_hash'] },
  admin_sessions: { why: 'people with access', columns: ['token_hash', 'csrf_token'] },
  admin_users: { why: 'people with access', columns: ['name', 'roles', 'password_hash'] },
  api_keys: { why: 'keys', columns: ['name', 'key_hash', 'key_hint', 'scopes'] },
  audit: { why: 'who did it, and what', columns: ['who', 'action'] },
  counters: { why: 'numbers', columns: ['state', 'reason'] },
  dead_letter_actions: {
    why: 'places of records, closed lists, people with access',
    columns: ['topic', 'action', 'state', 'template_choice', 'requested_by'],
  },
  deliveries: {
    why: 'closed lists and names of templates',
    columns: ['channel', 'template_id', 'priority', 'state', 'reason', 'stage'],
  },
  delivery_commands: { why: 'closed lists, people with access', columns: ['kind', 'requested_by', 'template_choice'] },
  delivery_minutes: { why: 'numbers', columns: ['priority', 'state', 'reason'] },
  erased_people: { why: 'keyed hashes, by which nobody is written to again', columns: ['hash', 'subject', 'scope'] },
  feedback: { why: 'closed lists', columns: ['type', 'channel'] },
  holds: { why: 'closed lists, people with access', columns: ['state', 'changed_by'] },
  kysely_migration: { why: 'migrations', columns: ['name', 'timestamp'] },
  kysely_migration_lock: { why: 'migrations', columns: ['id'] },
  known_addresses: { why: 'a closed list', columns: ['channel'] },
  lag_minutes: { why: 'numbers', columns: ['lane'] },
  mailings: {
    why: 'closed lists, times, people with access',
    columns: [
      'status',
      'template_id',
      'priority',
      'user_categories',
      'time_zone',
      'recurrence',
      'confirmed_by',
      'created_by',
      'updated_by',
    ],
  },
  replays: {
    why: 'places of records, closed lists, people with access',
    columns: ['topic', 'from_offsets', 'until_offsets', 'mode', 'state', 'cursor', 'counts', 'requested_by'],
  },
  requests: {
    why: 'closed lists and names of templates',
    columns: [
      'state',
      'template_id',
      'template_kind',
      'channel',
      'on_no_answer',
      'priority',
      'user_categories',
      'origin',
    ],
  },
  sending_holds: { why: 'what is held, people with access', columns: ['scope', 'subject', 'author', 'lifted_by'] },
  suppressions: { why: 'closed lists', columns: ['channel', 'scope', 'reason'] },
  sweep_leases: { why: 'processes', columns: ['name'] },
  template_versions: {
    why: 'what people write for everybody',
    columns: ['template_id', 'subject', 'html', 'text', 'from_name', 'reply_to', 'created_by'],
  },
  templates: {
    why: 'what people write for everybody',
    columns: ['template_id', 'title', 'kind', 'channel', 'on_no_answer', 'updated_by'],
  },
  test_sends: { why: 'names of templates, people with access', columns: ['template_id', 'created_by'] },
  transport_rates: { why: 'numbers', columns: ['transport'] },
  unsubscribes: { why: 'closed lists', columns: ['channel', 'source'] },
  waiting: { why: 'closed lists, a trace', columns: ['priority', 'reason', 'traceparent', 'channel'] },
};

it('lists every column that can hold a text, or says why it holds nothing of a person', async () => {
  const { rows } = await sql<{ name: string }>`
    select c.relname || '.' || a.attname as name
    from pg_class c join pg_attribute a on a.attrelid = c.oid join pg_type t on t.oid = a.atttypid
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and a.attnum > 0 and not a.attisdropped
      and t.typname in ('text', '_text', 'varchar', '_varchar', 'bpchar', 'json', 'jsonb', 'bytea')
    order by 1`.execute(db);
  const listed = new Set([
    ...places.flatMap(({ table, columns }) => columns.map((column) => `${table}.${column}`)),
    ...mentionPlaces.flatMap(({ table, columns }) => Object.keys(columns).map((column) => `${table}.${column}`)),
    ...Object.entries(holdNothing).flatMap(([table, { columns }]) => columns.map((column) => `${table}.${column}`)),
  ]);
  expect(rows.map(({ name }) => name).filter((name) => !listed.has(name))).toEqual([]);
  const there = new Set(rows.map(({ name }) => name));
  expect([...listed].filter((name) => !there.has(name))).toEqual([]);
});
