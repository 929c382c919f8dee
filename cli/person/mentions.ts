// Texts that people wrote, or that quote what they looked for: a person's id, address or name may stand in any of them. They
// are in no index, so all rows are looked through, some thousand at a time where there may be many.
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../lib/db/database.ts';
import { holdsName, type Name, replaceInJson, replaceInSubject, replaceInText } from './names.ts';

export interface MentionPlace {
  table: string;
  /** Columns of the primary key, and their types. */
  key: Readonly<Record<string, string>>;
  /** `subject` is `<what> <id>`; `blank`: emptied as a whole where it holds a name, for nothing reads it any more. */
  columns: Readonly<Record<string, 'text' | 'json' | 'subject' | 'blank'>>;
  /** What else an export says of the row. */
  shown: readonly string[];
  /** For people. */
  words: string;
}

export const mentionPlaces = [
  {
    table: 'audit',
    key: { audit_id: 'bigint' },
    columns: { subject: 'subject', detail: 'json' },
    shown: ['at', 'action'],
    words: 'entries of the audit log that name them',
  },
  {
    table: 'accepted',
    key: { request_id: 'uuid' },
    columns: { idempotency_key: 'blank' },
    shown: ['accepted_at'],
    words: 'Idempotency-Keys that name them',
  },
  {
    table: 'requests',
    key: { request_id: 'uuid' },
    columns: { detail: 'text' },
    shown: ['requested_at'],
    words: 'reasons of refused requests that name them',
  },
  {
    table: 'mailings',
    key: { mailing_id: 'uuid' },
    columns: { title: 'text' },
    shown: ['created_at'],
    words: 'titles of mailings that name them',
  },
  {
    table: 'replays',
    key: { replay_id: 'uuid' },
    columns: { filter: 'json', reason: 'text', detail: 'text' },
    shown: ['topic', 'requested_at'],
    words: 'replays that name them',
  },
  {
    table: 'delivery_commands',
    key: { notification_id: 'uuid' },
    columns: { reason: 'text', answer: 'text' },
    shown: ['kind', 'requested_at'],
    words: 'orders to send again that name them',
  },
  {
    table: 'dead_letter_actions',
    key: { topic: 'text', partition: 'integer', record_offset: 'bigint' },
    columns: { reason: 'text', detail: 'text' },
    shown: ['action', 'requested_at'],
    words: 'actions on dead letters that name them',
  },
  {
    table: 'holds',
    key: { request_id: 'uuid' },
    columns: { reason: 'text' },
    shown: ['state', 'changed_at'],
    words: 'pauses of a request that name them',
  },
  {
    table: 'sending_holds',
    key: { hold_id: 'bigint' },
    columns: { reason: 'text' },
    shown: ['scope', 'created_at'],
    words: 'holds that name them',
  },
  {
    table: 'set_aside',
    key: { subject_id: 'uuid' },
    columns: { reason: 'text' },
    shown: ['set_aside_until'],
    words: 'reasons to leave a request alone that name them',
  },
  {
    table: 'suppressions',
    key: { channel: 'text', address: 'text' },
    columns: { detail: 'text' },
    shown: ['created_at'],
    words: 'suppressions of others that quote them',
  },
  {
    table: 'feedback',
    key: { feedback_id: 'uuid' },
    columns: { status: 'text' },
    shown: ['type', 'happened_at'],
    words: 'reports of others that quote them',
  },
] as const satisfies readonly MentionPlace[];

export interface Mention {
  key: Readonly<Record<string, unknown>>;
  /** What an export says of it: the columns that are shown and those that hold a name. */
  row: Readonly<Record<string, unknown>>;
  /** The columns that hold a name, without it. */
  replaced: Readonly<Record<string, unknown>>;
}

const rowsAtATime = 10_000;

export async function* findMentions(
  db: Db,
  { table, key, columns, shown }: MentionPlace,
  names: readonly Name[],
): AsyncGenerator<Mention> {
  const keys = Object.keys(key);
  const keyColumns = sql.join(keys.map((name) => sql.ref(name)));
  const listed = sql.join([...new Set([...keys, ...Object.keys(columns), ...shown])].map((name) => sql.ref(name)));
  let after: readonly unknown[] | undefined;
  do {
    const { rows }: { rows: { last: unknown[] | null; hits: Record<string, unknown>[] }[] } = await sql<{
      last: unknown[] | null;
      hits: Record<string, unknown>[];
    }>`
      with page as materialized (
        select ${listed} from ${sql.table(table)}
        ${after ? sql`where (${keyColumns}) > (${sql.join(keys.map((name, n) => cast(after?.[n], key[name] ?? 'text')))})` : sql``}
        order by ${keyColumns} limit ${rowsAtATime}
      )
      select (select json_build_array(${sql.join(keys.map((name) => sql`${sql.ref(name)}::text`))})
          from page order by ${sql.join(keys.map((name) => sql`${sql.ref(name)} desc`))} limit 1) as last,
        coalesce((select json_agg(page) from page where ${anyHolds(Object.keys(columns), names)}), '[]') as hits`.execute(
      db,
    );
    for (const row of rows[0]?.hits ?? []) {
      const replaced = replaceIn(row, columns, names);
      if (Object.keys(replaced).length === 0) continue;
      const kept = [...keys, ...shown, ...Object.keys(replaced)];
      yield {
        key: Object.fromEntries(keys.map((name) => [name, row[name]])),
        row: Object.fromEntries(kept.map((name) => [name, row[name]])),
        replaced,
      };
    }
    after = rows[0]?.last ?? undefined;
  } while (after !== undefined);
}

function replaceIn(
  row: Readonly<Record<string, unknown>>,
  columns: MentionPlace['columns'],
  names: readonly Name[],
): Record<string, unknown> {
  const replaced = Object.entries(columns).flatMap(([column, kind]): [string, unknown][] => {
    const value = row[column];
    if (value === null || value === undefined) return [];
    if (kind === 'json') {
      const json = replaceInJson(value, names);
      return json === undefined ? [] : [[column, JSON.stringify(json)]];
    }
    if (kind === 'blank') return holdsName(String(value), names) ? [[column, null]] : [];
    const text = (kind === 'subject' ? replaceInSubject : replaceInText)(String(value), names);
    return text === undefined ? [] : [[column, text]];
  });
  return Object.fromEntries(replaced);
}

/** A first, coarse choice: replaceIn decides. */
function anyHolds(columns: readonly string[], names: readonly Name[]): RawBuilder<unknown> {
  return sql.join(
    columns.flatMap((column) =>
      names.map(({ text }) => {
        const wanted = JSON.stringify(text.toLowerCase()).slice(1, -1);
        return sql`position(${wanted} in lower(${sql.ref(column)}::text)) > 0`;
      }),
    ),
    sql` or `,
  );
}

/** @returns how many rows there were */
export async function takeNamesOut(db: Db, place: MentionPlace, names: readonly Name[]): Promise<number> {
  let count = 0;
  for await (const { key, replaced } of findMentions(db, place, names)) {
    const columns: Readonly<Record<string, string>> = place.columns;
    const set = Object.entries(replaced).map(([column, value]) =>
      columns[column] === 'json' ? sql`${sql.ref(column)} = ${value}::jsonb` : sql`${sql.ref(column)} = ${value}::text`,
    );
    const types: Readonly<Record<string, string>> = place.key;
    const isRow = Object.entries(key).map(
      ([column, value]) => sql`${sql.ref(column)} = ${cast(String(value), types[column] ?? 'text')}`,
    );
    await sql`update ${sql.table(place.table)} set ${sql.join(set)} where ${sql.join(isRow, sql` and `)}`.execute(db);
    count += 1;
  }
  return count;
}

const cast = (value: unknown, type: string): RawBuilder<unknown> => sql`${value}::text::${sql.raw(type)}`;
