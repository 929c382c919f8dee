// All that the ledger says of a model's notifications, read in one statement.
import { sql } from 'kysely';
import type { World } from './world.ts';

export interface Row {
  id: string;
  request_id: string;
  chunk_id: string;
  state: string;
  reason: string;
  detail: string;
  stage: string;
  attempt: number;
  token: string | null;
  is_alive: boolean;
  ended_at: string | null;
}

export interface Snapshot {
  rows: Map<string, Row>;
  /** `request chunk state reason` → count; those at 0 are left out. */
  counters: Record<string, number>;
  /** `state reason` → count. */
  minutes: Record<string, number>;
  /** Notification → why it waits. */
  waiting: Map<string, string>;
  /** Notifications that a person opened again, and that nobody has taken yet. */
  commands: Set<string>;
}

interface Raw {
  rows: Row[] | null;
  counters: Record<string, number> | null;
  minutes: Record<string, number> | null;
  waiting: Record<string, string> | null;
  commands: string[] | null;
}

export async function readSnapshot({ lab, month, notes, requestIds }: World): Promise<Snapshot> {
  const ids = notes.map(({ event }) => event.notification_id);
  const result = await sql<Raw>`
    select
      (select json_agg(json_build_object('id', notification_id, 'request_id', request_id, 'chunk_id', chunk_id,
          'state', state, 'reason', reason, 'detail', detail, 'stage', stage, 'attempt', attempt, 'token', token,
          'is_alive', coalesce(lease_until > now(), false), 'ended_at', ended_at))
        from deliveries where month = ${month}::date and notification_id = any(${ids}::uuid[])) as rows,
      (select json_object_agg(concat_ws(' ', request_id, chunk_id, state, reason), count)
        from counters where request_id = any(${requestIds}::uuid[]) and count <> 0) as counters,
      (select json_object_agg(what, count) from (
        select concat_ws(' ', state, reason) as what, sum(count) as count from delivery_minutes group by 1
      ) m) as minutes,
      (select json_object_agg(notification_id, reason)
        from waiting where notification_id = any(${ids}::uuid[])) as waiting,
      (select json_agg(notification_id) from delivery_commands
        where taken_at is null and notification_id = any(${ids}::uuid[])) as commands
  `.execute(lab.db);
  const { rows, counters, minutes, waiting, commands } = result.rows[0] ?? {};
  return {
    rows: new Map((rows ?? []).map((row) => [row.id, row])),
    counters: counters ?? {},
    minutes: minutes ?? {},
    waiting: new Map(Object.entries(waiting ?? {})),
    commands: new Set(commands ?? []),
  };
}
