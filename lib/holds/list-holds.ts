// Holds in force, for people: on pages and by the command.
import { sql } from 'kysely';
import type { HoldScope, HoldTarget } from '../../domain/holds.ts';
import { type Db, withDatabase } from '../db/database.ts';

export interface ActiveHold extends HoldTarget {
  /** Lifts it (lift-hold.ts). */
  id: string;
  author: string;
  /** Empty where nobody gave one: the pause button asks for none. */
  reason: string;
  createdAt: Date;
  endsAt: Date | null;
}

/** Columns of an ActiveHold, of a row `s` of sending_holds. */
export const sharedColumns = sql`s.hold_id::text as id, s.scope, s.subject, s.author, s.reason, s.created_at as "createdAt",
  s.ends_at as "endsAt"`;

/** Columns of an ActiveHold, of a row `h` of holds. */
export const pauseColumns = sql`h.request_id::text as id, 'request' as scope, h.request_id::text as subject,
  h.changed_by as author, coalesce(h.reason, '') as reason, h.changed_at as "createdAt", h.ends_at as "endsAt"`;

/** Those that cover more than one request, the oldest first. @throws DependencyError('postgres') */
export async function listSharedHolds(db: Db): Promise<ActiveHold[]> {
  const { rows } = await withDatabase(() =>
    sql<ActiveHold>`
      select ${sharedColumns} from sending_holds s where s.lifted_at is null order by s.hold_id`.execute(db),
  );
  return rows;
}

const maxPauses = 200;

/** Pauses of requests and mailings that have not ended, the newest first. */
export async function listPauses(db: Db): Promise<(ActiveHold & { title: string })[]> {
  const { rows } = await withDatabase(() =>
    sql<ActiveHold & { title: string }>`
      select ${pauseColumns}, coalesce(m.title, r.template_id, '') as title
      from holds h
      left join requests r on r.request_id = h.request_id
      left join mailings m on m.mailing_id = coalesce(r.series_id, h.request_id)
      where h.state = 'paused' and r.ended_at is null
      order by h.changed_at desc limit ${maxPauses}`.execute(db),
  );
  return rows;
}

export interface HoldCount {
  scope: HoldScope;
  author: string;
  count: number;
}

/** Of both kinds, for the metrics. */
export async function countHolds(db: Db): Promise<HoldCount[]> {
  const { rows } = await withDatabase(() =>
    sql<HoldCount>`
      select scope, author, count(*)::int as count from sending_holds where lifted_at is null group by 1, 2
      union all
      select 'request', h.changed_by, count(*)::int
      from holds h left join requests r on r.request_id = h.request_id
      where h.state = 'paused' and r.ended_at is null group by 1, 2`.execute(db),
  );
  return rows;
}

export interface LiftedHold extends ActiveHold {
  liftedAt: Date;
  liftedBy: string;
  /** When everybody whom it kept back had been published again; null while that goes on. */
  resumedAt: Date | null;
}

/** Shared holds that are over, the newest first. */
export async function listLiftedHolds(db: Db, limit: number): Promise<LiftedHold[]> {
  const { rows } = await withDatabase(() =>
    sql<LiftedHold>`
      select ${sharedColumns}, s.lifted_at as "liftedAt", s.lifted_by as "liftedBy", s.resumed_at as "resumedAt"
      from sending_holds s where s.lifted_at is not null order by s.lifted_at desc limit ${limit}`.execute(db),
  );
  return rows;
}
