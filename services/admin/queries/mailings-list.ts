// The list of mailings, newest first: those made in these pages and requests with an audience from producers, as one keyset.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { requestHold } from '../../../lib/holds/covers.ts';
import { type MailingFacts, type ShownState, type StateFacts, toShownState } from '../mailing/live-view.ts';

export interface ListedMailing {
  id: string;
  /** Where the next page goes on; microseconds, so that none is passed over. */
  at: string;
  isFromApi: boolean;
  title: string;
  state: ShownState;
  templateId: string | null;
  templateTitle: string | null;
  createdAt: Date;
  createdBy: string;
  scheduledAt: Date | null;
  timeZone: string;
  recurrence: string | null;
  endedAt: Date | null;
  expected: number;
  planned: number;
  sent: number;
  failed: number;
  skipped: number;
  unknown: number;
}

export interface Filter {
  state?: ShownState | undefined;
  /** Part of the title. */
  search?: string | undefined;
  after?: { at: string; id: string } | undefined;
}

export const perPage = 30;

/** @returns one more than a page holds when there is another page */
export async function listMailings(db: Db, filter: Filter): Promise<ListedMailing[]> {
  const { rows } = await withDatabase(() =>
    sql<ListedRow>`
      with page as materialized (
        select * from (
          (${fromPages(filter)}) union all (${fromProducers(filter)})
        ) both_kinds
        order by "createdAt" desc, id desc limit ${perPage + 1}
      )
      select page.*, coalesce(c.sent, 0) as sent, coalesce(c.failed, 0) as failed, coalesce(c.skipped, 0) as skipped,
        coalesce(c.unknown, 0) as unknown
      from page
      left join lateral (
        select sum(count) filter (where state = 'sent')::int as sent, sum(count) filter (where state = 'failed')::int as failed,
          sum(count) filter (where state = 'skipped')::int as skipped, sum(count) filter (where state = 'unknown')::int as unknown
        from counters where request_id = page.id
      ) c on true
      order by page."createdAt" desc, page.id desc`.execute(db),
  );
  return rows.map(({ facts, status, planningComplete, ...mailing }) => {
    const ended = mailing.sent + mailing.failed + mailing.skipped + mailing.unknown;
    const isBalanced = planningComplete && ended === mailing.planned;
    return { ...mailing, state: toShownState(facts, { status, isSeries: mailing.recurrence !== null }, isBalanced) };
  });
}

type ListedRow = Omit<ListedMailing, 'state'> & {
  status: MailingFacts['status'];
  planningComplete: boolean;
  facts: StateFacts;
};

/** Of rows `r` of requests and `h` of holds. */
const facts = sql`json_build_object('state', r.state, 'detail', coalesce(r.detail, ''), 'hold', ${requestHold},
  'driven', coalesce(r.driven, true))`;

const requestState = sql`case
  when r.state in ('done', 'rejected') then r.state
  when r.state = 'paused' and r.detail = 'late' and h.state is null then 'late'
  when r.state in ('planning', 'running') and not r.driven and ${requestHold} = 'paused' then 'paused'
  when r.state = 'planning' then 'running'
  else r.state end`;

/** Which rows are looked at for a state: without the numbers, so that no other rows are counted. Shown is what they say. */
const mailingState = sql`case
  when m.status <> 'confirmed' then m.status
  when m.recurrence is not null then coalesce(h.state, 'recurring')
  when r.request_id is null then coalesce(h.state, 'scheduled')
  else ${requestState} end`;

function fromPages(filter: Filter) {
  return sql`
    select m.mailing_id as id, ${cursorOf('m.created_at')} as at, false as "isFromApi", m.title,
      m.status, coalesce(r.planning_complete, false) as "planningComplete", ${facts} as facts,
      m.template_id as "templateId", t.title as "templateTitle", m.created_at as "createdAt",
      m.created_by as "createdBy", m.scheduled_at as "scheduledAt", m.time_zone as "timeZone", m.recurrence,
      r.ended_at as "endedAt", greatest(coalesce(r.planned, 0), case when not coalesce(r.planning_complete, false)
        and m.recurrence is null then coalesce(m.confirmed_count, 0) else 0 end) as expected, coalesce(r.planned, 0) as planned
    from mailings m
    -- One look by key for each mailing: there are a thousand times as many requests.
    left join lateral (select * from requests where request_id = m.mailing_id limit 1) r on true
    left join holds h on h.request_id = m.mailing_id
    left join templates t on t.template_id = m.template_id
    where ${after('m.created_at', 'm.mailing_id', filter)}
      and ${filter.search ? sql`m.title ilike ${like(filter.search)}` : sql`true`}
      and ${filter.state ? sql`${mailingState} = ${filter.state}` : sql`true`}
    order by m.created_at desc, m.mailing_id desc limit ${perPage + 1}`;
}

/** Called by their template, for a request has no title. */
function fromProducers(filter: Filter) {
  return sql`
    select r.request_id as id, ${cursorOf('r.stored_at')} as at, true as "isFromApi",
      coalesce(t.title, r.template_id) as title, 
      'confirmed' as status, r.planning_complete as "planningComplete", ${facts} as facts, r.template_id as "templateId",
      t.title as "templateTitle", r.stored_at as "createdAt", '' as "createdBy", r.scheduled_at as "scheduledAt",
      'UTC' as "timeZone", null as recurrence, r.ended_at as "endedAt", r.planned as expected, r.planned
    from requests r
    left join holds h on h.request_id = r.request_id
    left join templates t on t.template_id = r.template_id
    where r.origin = 'request' and r.user_categories <> '{}'
      and ${after('r.stored_at', 'r.request_id', filter)}
      and ${filter.search ? sql`coalesce(t.title, r.template_id) ilike ${like(filter.search)}` : sql`true`}
      and ${filter.state ? sql`${requestState} = ${filter.state}` : sql`true`}
    order by r.stored_at desc, r.request_id desc limit ${perPage + 1}`;
}

function cursorOf(column: string) {
  return sql`to_char(${sql.ref(column)} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

function after(time: string, id: string, filter: Filter) {
  if (!filter.after) return sql`true`;
  return sql`(${sql.ref(time)}, ${sql.ref(id)}) < (${filter.after.at}::timestamptz, ${filter.after.id}::uuid)`;
}

function like(text: string): string {
  return `%${text.replace(/[\\%_]/g, '\\$&')}%`;
}
