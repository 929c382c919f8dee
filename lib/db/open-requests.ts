// What an open request is, in SQL: some of its people may still be on their way. Of a row `r` of requests; both expressions
// are those of the index requests_open.
import { sql } from 'kysely';
import { requestIsCovered } from '../holds/covers.ts';

/** Scheduled and paused ones wait because somebody wants them to. */
export const requestIsOpen = sql<boolean>`(r.ended_at is null and r.state in ('planning', 'running', 'cancelled'))`;

/** Since when it could be under way: one that was asked for a month ahead was not late on its first day. */
export const openSince = sql<Date>`greatest(r.stored_at, r.scheduled_at)`;

/** Somebody, or the guard, keeps it from going on; the planner may not have taken it up yet. */
export const requestIsHeld = sql<boolean>`(
  exists (select from holds h where h.request_id = r.request_id and h.state = 'paused') or ${requestIsCovered})`;
