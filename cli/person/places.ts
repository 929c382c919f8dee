// Every place of the database that holds something of a person. `posthorn erase` counts and empties these, `posthorn person`
// exports these: one list, so that the two cannot differ. tests/integration/person-places.test.ts holds it against the tables.
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../lib/db/database.ts';
import type { Person } from './find-person.ts';
import { findMentions, type MentionPlace, mentionPlaces } from './mentions.ts';

export interface Place {
  name: string;
  table: string;
  /** What holds something of a person there. */
  columns: readonly string[];
  /** For people. */
  words: string;
  /** What an export says. */
  select(person: Person): RawBuilder<unknown>;
}

/** Their messages, and tests in somebody's name that went to an address of theirs. */
export const isTheirs = ({ userId, addresses }: Person) => sql`
  (d.user_id = ${userId} or (d.is_test and lower(d.address) = any(${addresses.map(({ address }) => address)}::text[])))`;

const theirIds = (person: Person) => sql`(select notification_id from deliveries d where ${isTheirs(person)})`;

/** Suppressions and reports name addresses in small or other letters. */
const isAtTheirs = ({ addresses }: Person) => sql`
  (channel, lower(address)) in (select * from unnest(
    ${addresses.map(({ channel }) => channel)}::text[], ${addresses.map(({ address }) => address)}::text[]))`;

export const isReportOfTheirs = (person: Person) => sql`
  (notification_id in ${theirIds(person)} or (notification_id is null and ${isAtTheirs(person)}))`;
export const isCommandOfTheirs = (person: Person) => sql`notification_id in ${theirIds(person)}`;
export const isSuppressionOfTheirs = isAtTheirs;
export const isTestOfTheirs = ({ userId, addresses }: Person) => sql`
  (user_id = ${userId} or lower(address) = any(${addresses.map(({ address }) => address)}::text[]))`;
export const isTestedThere = ({ addresses }: Person) => sql`
  lower(test_address) = any(${addresses.map(({ address }) => address)}::text[])`;
export const isOwnRequest = ({ ownRequestIds }: Person) => sql`request_id = any(${ownRequestIds}::uuid[])`;

export const places: readonly Place[] = [
  {
    name: 'deliveries',
    table: 'deliveries',
    columns: ['user_id', 'address', 'detail'],
    words: 'messages in the ledger, which keep their numbers',
    select: (person) => sql`
      select notification_id, request_id, user_id, channel, address, template_id, template_version, priority, state, reason,
        detail, attempt, is_test, requested_at, planned_at, enriched_at, rendered_at, ended_at
      from deliveries d where ${isTheirs(person)} order by requested_at`,
  },
  {
    name: 'open',
    table: 'deliveries',
    columns: [],
    words: '  of these without an end yet',
    select: (person) => sql`
      select notification_id, state from deliveries d
      where ${isTheirs(person)} and state in ('claimed', 'sending', 'deferred')`,
  },
  {
    name: 'waiting',
    table: 'waiting',
    columns: ['key', 'value'],
    words: 'messages that wait, with their text',
    select: (person) => sql`
      select notification_id, reason, due_at, key, priority, encode(value, 'base64') as record_base64
      from waiting where notification_id in ${theirIds(person)}`,
  },
  {
    name: 'chunks',
    table: 'chunks',
    columns: ['user_ids'],
    words: 'chunks that they are planned in',
    select: ({ chunks, userId }) => sql`
      select request_id, sequence, ${userId} as user_id, stored_at, published_at from chunks
      where (request_id, sequence) in (select * from unnest(
        ${chunks.map(({ requestId }) => requestId)}::uuid[], ${chunks.map(({ sequence }) => sequence)}::integer[]))`,
  },
  {
    name: 'requests',
    table: 'requests',
    columns: ['user_ids', 'context', 'test_address', 'body_hash', 'cursor'],
    words: 'requests that name them',
    select: (person) => sql`
      select request_id, origin, state, template_id, template_version, priority, is_promo, context, requested_at,
        scheduled_at, expires_at, ${isOwnRequest(person)} as for_them_alone
      from requests where request_id = any(${person.requestIds}::uuid[])
        or ${isTestedThere(person)} or ${isCursorAt(person)} order by requested_at`,
  },
  {
    name: 'accepted',
    table: 'accepted',
    columns: ['idempotency_key', 'body_hash'],
    words: 'calls by which these were asked for',
    select: (person) => sql`
      select request_id, idempotency_key, accepted_at from accepted where ${isOwnRequest(person)}`,
  },
  {
    name: 'mailing_people',
    table: 'mailing_people',
    columns: ['user_id'],
    words: 'lists of mailings that they are on',
    select: ({ userId }) => sql`
      select mailing_id, user_id, title from mailing_people join mailings using (mailing_id) where user_id = ${userId}`,
  },
  {
    name: 'mailings',
    table: 'mailings',
    columns: ['title', 'context'],
    words: 'mailings for them alone, with their values',
    select: ({ ownMailingIds }) => sql`
      select mailing_id, title, status, context, created_at from mailings where mailing_id = any(${ownMailingIds}::uuid[])`,
  },
  {
    name: 'uploaded_people',
    table: 'uploaded_people',
    columns: ['user_ids'],
    words: 'files that are still being stored',
    select: ({ userId }) => sql`
      select upload_id, batch, ${userId} as user_id from uploaded_people where ${userId} = any(user_ids)`,
  },
  {
    name: 'unsubscribes',
    table: 'unsubscribes',
    columns: ['user_id'],
    words: 'unsubscribes',
    select: ({ userId }) => sql`
      select user_id, channel, source, request_id, created_at from unsubscribes where user_id = ${userId}`,
  },
  {
    name: 'suppressions',
    table: 'suppressions',
    columns: ['address', 'detail'],
    words: 'suppressed addresses that are theirs alone',
    select: (person) => sql`
      select channel, address, scope, reason, detail, created_at from suppressions where ${isSuppressionOfTheirs(person)}`,
  },
  {
    name: 'known_addresses',
    table: 'known_addresses',
    columns: ['hash', 'user_id'],
    words: 'addresses of theirs, as keyed hashes',
    select: ({ userId }) => sql`
      select channel, encode(hash, 'hex') as hash, user_id, seen_at from known_addresses where user_id = ${userId}`,
  },
  {
    name: 'feedback',
    table: 'feedback',
    columns: ['address', 'status'],
    words: 'reports (bounces, complaints)',
    select: (person) => sql`
      select type, notification_id, channel, address, status, happened_at from feedback where ${isReportOfTheirs(person)}`,
  },
  {
    name: 'test_sends',
    table: 'test_sends',
    columns: ['user_id', 'address'],
    words: 'test-sends with their data',
    select: (person) => sql`
      select request_id, template_id, template_version, address, user_id, created_at from test_sends
      where ${isTestOfTheirs(person)}`,
  },
  {
    name: 'delivery_commands',
    table: 'delivery_commands',
    columns: ['reason', 'answer'],
    words: 'orders to send to them again',
    select: (person) => sql`
      select notification_id, kind, reason, requested_at, taken_at, answer from delivery_commands
      where ${isCommandOfTheirs(person)}`,
  },
];

/** A mailing's runner goes on after the person that it planned last. */
export const isCursorAt = ({ userId }: Person) => sql`cursor in (${`named:${userId}`}, ${`members:${userId}`})`;

/** Rows of `places` are found once more among the mentions where a text of theirs names the person. */
export interface FoundPlace {
  name: string;
  words: string;
  count: number;
}

export async function countPlaces(db: Db, person: Person): Promise<FoundPlace[]> {
  const found: FoundPlace[] = [];
  for (const { name, words, select } of places) {
    const { rows } = await sql<{ count: number }>`select count(*)::int as count from (${select(person)}) found`.execute(
      db,
    );
    found.push({ name, words, count: rows[0]?.count ?? 0 });
  }
  for (const place of mentionPlaces) {
    let count = 0;
    for await (const _ of findMentions(db, place, person.names)) count += 1;
    found.push({ name: `${place.table}_texts`, words: place.words, count });
  }
  return found;
}

/** What an export says, place by place; of the audit log also who is named in it is only the person. */
export async function readPlaces(db: Db, person: Person): Promise<Record<string, unknown[]>> {
  const read: Record<string, unknown[]> = {};
  for (const { name, select } of places) {
    if (name === 'open') continue;
    read[name] = (await select(person).execute(db)).rows;
  }
  for (const place of mentionPlaces as readonly MentionPlace[]) {
    const rows: unknown[] = [];
    for await (const { row } of findMentions(db, place, person.names)) rows.push(row);
    read[`${place.table}_texts`] = rows;
  }
  return read;
}
