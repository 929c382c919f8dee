// The addresses that are no longer written to. The dispatcher adds those that mail servers refuse for good; people add
// and lift them here. The claim before each send compares with lower(address): they are kept in lower case.
import { sql } from 'kysely';
import { type Channel, feedbackId } from '../../../domain/ids.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';

export interface SuppressionRow {
  channel: Channel;
  address: string;
  scope: 'all' | 'promotional';
  reason: string;
  detail: string;
  created_at: Date;
}

interface CursorRow extends SuppressionRow {
  created_us: string;
}

export interface SuppressionPage {
  suppressions: SuppressionRow[];
  /** For `after`; undefined on the last page. */
  next: string | undefined;
}

/** Newest first by the index (created_at, channel, address); one address by the primary key. */
export async function listSuppressions(
  db: Db,
  options: { address: string | undefined; after: string | undefined; limit: number },
): Promise<SuppressionPage> {
  const { limit } = options;
  const after = readCursor(options.after);
  const { rows } = await withDatabase(() =>
    options.address === undefined
      ? sql<CursorRow>`
          select *, (extract(epoch from created_at) * 1000000)::bigint::text as created_us from suppressions
          ${
            after
              ? sql`where (created_at, channel, address) <
                    ('epoch'::timestamptz + ${after.us}::bigint * interval '1 microsecond', ${after.channel}, ${after.address})`
              : sql``
          }
          order by created_at desc, channel desc, address desc limit ${limit + 1}`.execute(db)
      : sql<CursorRow>`
          select *, '0' as created_us from suppressions
          where channel in ('email', 'sms') and address = lower(${options.address})`.execute(db),
  );
  const suppressions = rows.slice(0, limit);
  const last = suppressions.at(-1);
  const next = rows.length > limit && last ? `${last.created_us}.${last.channel}.${last.address}` : undefined;
  return { suppressions, next };
}

export async function findSuppressions(
  db: Db,
  addresses: readonly { channel: Channel; address: string }[],
): Promise<SuppressionRow[]> {
  if (addresses.length === 0) return [];
  const { rows } = await withDatabase(() =>
    sql<SuppressionRow>`
      select s.* from suppressions s
      join (select distinct channel, lower(address) as address from unnest(
        ${addresses.map(({ channel }) => channel)}::text[], ${addresses.map(({ address }) => address)}::text[]
      ) as g(channel, address)) given using (channel, address)
      order by s.channel, s.address`.execute(db),
  );
  return rows;
}

/** For everything. @returns false when it is suppressed so already: what is known about it stays */
export async function suppress(
  db: Db,
  row: { channel: Channel; address: string; reason: string; detail: string },
): Promise<boolean> {
  const { rows } = await withDatabase(() =>
    sql`insert into suppressions as s (channel, address, reason, detail)
        values (${row.channel}, lower(${row.address}), ${row.reason}, ${row.detail})
        on conflict (channel, address) do update
          set scope = 'all', reason = excluded.reason, detail = concat_ws('; ', excluded.detail, nullif(s.detail, ''))
          where s.scope <> 'all'
        returning address`.execute(db),
  );
  return rows.length > 0;
}

/** @returns what was lifted; undefined when it was not suppressed */
export async function liftSuppression(db: Db, channel: Channel, address: string): Promise<SuppressionRow | undefined> {
  const [lifted] = await liftSuppressions(db, [{ channel, address: address.toLowerCase() }]);
  return lifted;
}

/**
 * A report that says when it happened is known again when it is repeated. One that does not say it is a new one after the
 * lift: its id, which is computed from its words, is made free for that.
 * @returns those that were suppressed
 */
export async function liftSuppressions(
  db: Db,
  wanted: readonly { channel: Channel; address: string }[],
): Promise<SuppressionRow[]> {
  const given = sql`unnest(${wanted.map(({ channel }) => channel)}::text[], ${wanted.map(({ address }) => address)}::text[])
    as g(channel, address)`;
  const reports = await withDatabase(() =>
    sql<{ feedback_id: string; type: string; notification_id: string | null; address: string; status: string }>`
      select f.feedback_id, f.type, f.notification_id, g.address, f.status from ${given}
      join feedback f on lower(f.address) = g.address and f.channel = g.channel`.execute(db),
  );
  const undated = reports.rows.filter(({ type, notification_id: id, status, address, feedback_id: known }) => {
    return known === feedbackId({ type, whom: id ?? address, status, atMs: undefined });
  });
  const { rows } = await withDatabase(() =>
    sql<SuppressionRow>`
      with renamed as (update feedback set feedback_id = gen_random_uuid()
        where feedback_id = any(${undated.map((report) => report.feedback_id)}::uuid[]))
      delete from suppressions s using ${given} where s.channel = g.channel and s.address = g.address returning s.*`.execute(
      db,
    ),
  );
  return rows;
}

/** Of `next`. */
export function readCursor(text: string | undefined): { us: string; channel: string; address: string } | undefined {
  const match = /^(\d{1,17})\.(email|sms)\.([^\0]{1,300})$/.exec(text ?? '');
  return match?.[1] && match[2] && match[3] ? { us: match[1], channel: match[2], address: match[3] } : undefined;
}
