// What the pages of people read: who is behind an address, and everything that one person got or did not get.
import { type RawBuilder, sql } from 'kysely';
import type { Channel } from '../../../domain/ids.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { DeliveryState } from '../../../lib/db/tables.ts';

export interface PersonAtAddress {
  user_id: string;
  channel: Channel;
  address: string;
  last_at: Date;
  /** Only test-sends went there in this person's name. */
  only_tests: boolean;
}

/** Of one address, so many of the newest deliveries are looked at. */
const newestAtAddress = 1_000;

/** By the index (lower(address), requested_at), and at most so many rows of it, however often the address was written to. */
export async function findPeopleAtAddress(db: Db, address: string): Promise<PersonAtAddress[]> {
  const { rows } = await withDatabase(() =>
    sql<PersonAtAddress>`
      select user_id, channel, min(address) as address, max(requested_at) as last_at, bool_and(is_test) as only_tests
      from (
        select user_id, channel, address, requested_at, is_test from deliveries
        where lower(address) = lower(${address}) and address is not null
        order by requested_at desc limit ${newestAtAddress}
      ) newest
      group by user_id, channel order by last_at desc limit 50`.execute(db),
  );
  return rows;
}

/** By the index (user_id, requested_at). */
export async function hasDeliveries(db: Db, userId: string): Promise<boolean> {
  const { rows } = await withDatabase(() => sql`select from deliveries where user_id = ${userId} limit 1`.execute(db));
  return rows.length > 0;
}

export interface DeliveryRow {
  notification_id: string;
  request_id: string;
  channel: Channel;
  address: string | null;
  template_id: string;
  template_title: string | null;
  template_version: number;
  mailing_id: string | null;
  mailing_title: string | null;
  state: DeliveryState;
  reason: string;
  detail: string;
  is_test: boolean;
  requested_at: Date;
  ended_at: Date | null;
  due_at: Date | null;
}

/** A row's columns, with the titles that people know it by; a firing of a series goes by the series' title. */
const columns = sql`d.notification_id, d.request_id, d.user_id, d.channel, d.address, d.template_id,
  t.title as template_title, d.template_version, m.mailing_id, m.title as mailing_title, d.state, d.reason, d.detail,
  d.is_test, d.requested_at, d.ended_at, w.due_at`;
const joins = sql`left join templates t on t.template_id = d.template_id
  left join requests r on r.request_id = d.request_id
  left join mailings m on m.mailing_id = coalesce(r.series_id, d.request_id)
  left join waiting w on w.notification_id = d.notification_id`;

export interface DeliveryPage {
  deliveries: DeliveryRow[];
  /** For `after`; undefined on the last page. */
  next: string | undefined;
}

/** Newest first by the index (user_id, requested_at): a page costs as much as its own rows, however deep it is. */
export async function listDeliveriesOf(
  db: Db,
  userId: string,
  options: { state: string | undefined; after: string | undefined; limit: number },
): Promise<DeliveryPage> {
  const { limit } = options;
  const conditions: RawBuilder<unknown>[] = [sql`user_id = ${userId}`];
  if (options.state !== undefined) conditions.push(sql`state = any(${statesOf(options.state)}::text[])`);
  const after = readCursor(options.after);
  if (after) {
    conditions.push(sql`(requested_at, notification_id) < (${after.at}::timestamptz, ${after.id}::uuid)`);
  }
  const { rows } = await withDatabase(() =>
    sql<DeliveryRow>`
      select ${columns} from (
        select * from deliveries where ${sql.join(conditions, sql` and `)}
        order by requested_at desc, notification_id desc limit ${limit + 1}
      ) d ${joins} order by d.requested_at desc, d.notification_id desc`.execute(db),
  );
  const deliveries = rows.slice(0, limit);
  const last = deliveries.at(-1);
  const next = rows.length > limit && last ? `${last.requested_at.getTime()}.${last.notification_id}` : undefined;
  return { deliveries, next };
}

/** The first notifications of a request, by the index (request_id, notification_id). */
export async function listDeliveriesOfRequest(
  db: Db,
  requestId: string,
  limit: number,
): Promise<(DeliveryRow & { user_id: string })[]> {
  const { rows } = await withDatabase(() =>
    sql<DeliveryRow & { user_id: string }>`
      select ${columns} from (
        select * from deliveries where request_id = ${requestId} order by notification_id limit ${limit}
      ) d ${joins} order by d.notification_id`.execute(db),
  );
  return rows;
}

/** What a filter means: "on its way" is three states. */
function statesOf(filter: string): string[] {
  return filter === 'on_its_way' ? ['claimed', 'sending', 'deferred'] : [filter];
}

/** Of `next`. */
export function readCursor(text: string | undefined): { at: Date; id: string } | undefined {
  const match = /^(\d{1,14})\.([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(text ?? '');
  return match?.[1] && match[2] ? { at: new Date(Number(match[1])), id: match[2] } : undefined;
}
