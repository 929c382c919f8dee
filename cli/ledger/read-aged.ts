// What is older than the ledger is kept: whole months, and what belongs to them. Read only.
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../lib/db/database.ts';

export interface AgedMonth {
  /** Its table. */
  name: string;
  /** `YYYY-MM-01` */
  month: string;
  rowCount: number;
  /** For people. */
  size: string;
  /** Why it cannot go yet. */
  keptFor: string | undefined;
}

export interface Aged {
  /** `YYYY-MM-01`: months before it are wholly older. */
  boundary: string;
  /** Now, less the days that are kept. */
  cutoff: Date;
  months: AgedMonth[];
  /** Months before the boundary that have to stay, also those without a table of their own. */
  keptMonths: string[];
  others: { what: string; count: number }[];
  sessionCount: number;
}

/** When anything was last done about a request: it may be sent long after it was asked for. */
export const lastAt = sql`greatest(stored_at, scheduled_at, started_at, progress_at, ended_at)`;
/** A mailing is history; what a producer asked for people by name is not. */
export const isMailing = sql`(origin in ('mailing', 'series') or user_categories <> '{}')`;
export const monthOf = sql`date_trunc('month', requested_at at time zone 'UTC')::date`;

export async function readAged(db: Db, keepDays: number): Promise<Aged> {
  const { cutoff, boundary } = await readBoundary(db, keepDays);
  const kept = await readKept(db, boundary, cutoff);
  const months = (await readMonths(db, boundary)).map((month) => ({ ...month, keptFor: kept.get(month.month) }));
  const keptMonths = [...kept.keys()];
  const [others, sessions] = [
    await countOthers(db, boundary, keptMonths),
    await countOf(db, sql`admin_sessions where expires_at < now()`),
  ];
  return { boundary, cutoff, months, keptMonths, others, sessionCount: sessions };
}

async function readBoundary(db: Db, keepDays: number): Promise<{ cutoff: Date; boundary: string }> {
  const { rows } = await sql<{ cutoff: Date; boundary: string }>`
    select cutoff, date_trunc('month', cutoff at time zone 'UTC')::date as boundary
    from (select now() - make_interval(days => ${keepDays}) as cutoff) c`.execute(db);
  const row = rows[0];
  if (!row) throw new Error('Postgres did not say what time it is');
  return row;
}

/** The tables of months; the partition for the rest has no month in its name. */
async function readMonths(db: Db, boundary: string): Promise<Omit<AgedMonth, 'keptFor'>[]> {
  const { rows } = await sql<{ name: string; month: string; estimate: number; size: string }>`
    select * from (
      select c.relname as name, to_date(right(c.relname, 7), 'YYYY_MM') as month, c.reltuples::bigint as estimate,
        pg_size_pretty(pg_total_relation_size(c.oid)) as size
      from pg_inherits i join pg_class c on c.oid = i.inhrelid
      where i.inhparent = 'deliveries'::regclass and c.relname ~ '^deliveries_[0-9]{4}_[0-9]{2}$'
    ) p
    where month < ${boundary}::date order by month`.execute(db);
  const months: Omit<AgedMonth, 'keptFor'>[] = [];
  for (const { estimate, ...month } of rows) {
    // Nobody has looked at it yet: then it is small, or young.
    months.push({ ...month, rowCount: estimate < 0 ? await countOf(db, sql.id(month.name)) : estimate });
  }
  return months;
}

/** Months whose ledger may still be asked: a request of theirs was sent lately, goes on, or waits. */
async function readKept(db: Db, boundary: string, cutoff: Date): Promise<Map<string, string>> {
  const { rows } = await sql<{ month: string; open: number; late: number; last: string | null }>`
    select ${monthOf} as month, count(*) filter (where driven and ended_at is null)::int as open,
      count(*)::int as late, max(${lastAt})::date as last
    from requests
    where requested_at < ${boundary}::date::timestamp at time zone 'UTC' and state <> 'rejected'
      and ((driven and ended_at is null) or ${lastAt} >= ${cutoff})
    group by 1`.execute(db);
  const waiting = await sql<{ month: string; count: number }>`
    select month, count(*)::int as count from waiting where month < ${boundary}::date group by 1`.execute(db);
  const kept = new Map(waiting.rows.map(({ month, count }) => [month, `${count} of its messages wait for a retry`]));
  for (const { month, open, late, last } of rows) {
    const going = `${open} of its requests are scheduled, paused or under way`;
    kept.set(month, open > 0 ? going : `${late} of its requests were sent later, the last on ${last}`);
  }
  return kept;
}

/** Rows of months that may go: `column` says when. */
export function isAged(column: RawBuilder<unknown>, { boundary, keptMonths }: Pick<Aged, 'boundary' | 'keptMonths'>) {
  return sql`${column} < ${boundary}::date::timestamp at time zone 'UTC'
    and date_trunc('month', ${column} at time zone 'UTC')::date <> all(${keptMonths}::date[])`;
}

async function countOthers(db: Db, boundary: string, keptMonths: string[]): Promise<Aged['others']> {
  const aged = (column: string) => isAged(sql.ref(column), { boundary, keptMonths });
  const rest = sql`deliveries_rest where month < ${boundary}::date and month <> all(${keptMonths}::date[])`;
  const wanted: [what: string, from: RawBuilder<unknown>][] = [
    ['requests, with their chunks and counters', sql`requests where ${aged('requested_at')} and not ${isMailing}`],
    [
      'mailings that still name their people',
      sql`requests r where ${aged('requested_at')} and ${isMailing}
          and (user_ids <> '{}' or exists (select from chunks c where c.request_id = r.request_id))`,
    ],
    ['deliveries of other months', rest],
    ['accepted calls', sql`accepted where ${aged('accepted_at')}`],
    ['reports (bounces, complaints)', sql`feedback where ${aged('received_at')}`],
    ['commands on deliveries', sql`delivery_commands where ${aged('requested_at')}`],
    ['actions on dead letters', sql`dead_letter_actions where ${aged('requested_at')}`],
    ['test-sends', sql`test_sends where ${aged('created_at')}`],
    ['addresses of people who ended early, as hashes', sql`known_addresses where ${aged('seen_at')}`],
  ];
  const others: Aged['others'] = [];
  for (const [what, from] of wanted) others.push({ what, count: await countOf(db, from) });
  return others;
}

async function countOf(db: Db, from: RawBuilder<unknown>): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*)::int as count from ${from}`.execute(db);
  return rows[0]?.count ?? 0;
}
