// What people want done with dead letters, and what was done. Written by the pages and the CLI; the executor ends it.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { LetterAction } from '../operator/dead-letters-filter.ts';

export interface LetterPlace {
  topic: string;
  partition: number;
  offset: number;
}

export interface WantedAction {
  action: 'redrive' | 'discard';
  template: 'pinned' | 'active';
  reason: string;
  who: string;
}

/**
 * A discard is done with this; a redrive is done by the executor. One that the executor has not come to yet stays as it
 * is; what was done before may be wanted again, for the ledger lets nobody through twice.
 * @returns how many are wanted, or discarded, by this
 */
export async function wantActions(db: Db, places: readonly LetterPlace[], wanted: WantedAction): Promise<number> {
  const { action, template, reason, who } = wanted;
  const state = action === 'discard' ? 'done' : 'wanted';
  const { numAffectedRows } = await withDatabase(() =>
    sql`
      insert into dead_letter_actions as a (topic, partition, record_offset, action, state, template_choice, reason,
        requested_by, ended_at)
      select topic, partition, record_offset, ${action}, ${state}, ${template}, ${reason}, ${who},
        case when ${state} = 'done' then now() end
      from unnest(
        ${places.map(({ topic }) => topic)}::text[],
        ${places.map(({ partition }) => partition)}::integer[],
        ${places.map(({ offset }) => offset)}::bigint[]
      ) as g(topic, partition, record_offset)
      order by topic, partition, record_offset
      on conflict (topic, partition, record_offset) do update set action = excluded.action, state = excluded.state,
        template_choice = excluded.template_choice, reason = excluded.reason, detail = '',
        requested_by = excluded.requested_by, requested_at = now(), ended_at = excluded.ended_at
        where a.state <> 'wanted'`.execute(db),
  );
  return Number(numAffectedRows ?? 0);
}

/** @param from the lowest offset that matters of each partition @returns by `topic/partition/offset` */
export async function findActions(db: Db, from: readonly LetterPlace[]): Promise<Map<string, LetterAction>> {
  const { rows } = await withDatabase(() =>
    sql<LetterAction & { key: string }>`
      select a.topic || '/' || a.partition || '/' || a.record_offset as key, a.action, a.state,
        a.template_choice as template, a.reason, a.detail, a.requested_by as who, a.requested_at as at,
        a.ended_at as "endedAt"
      from unnest(
        ${from.map(({ topic }) => topic)}::text[],
        ${from.map(({ partition }) => partition)}::integer[],
        ${from.map(({ offset }) => offset)}::bigint[]
      ) as g(topic, partition, low)
      join dead_letter_actions a
        on a.topic = g.topic and a.partition = g.partition and a.record_offset >= g.low`.execute(db),
  );
  return new Map(rows.map(({ key, ...action }) => [key, action]));
}

export async function findAction(db: Db, { topic, partition, offset }: LetterPlace): Promise<LetterAction | undefined> {
  const actions = await findActions(db, [{ topic, partition, offset }]);
  return actions.get(`${topic}/${partition}/${offset}`);
}

export interface Progress {
  waitingCount: number;
  /** In the last ten minutes. */
  doneCount: number;
  failedCount: number;
}

/** How the redrives of the last minutes go. */
export async function readProgress(db: Db): Promise<Progress> {
  const { rows } = await withDatabase(() =>
    sql<Progress>`
      select count(*) filter (where state = 'wanted') as "waitingCount",
        count(*) filter (where state = 'done') as "doneCount",
        count(*) filter (where state = 'failed') as "failedCount"
      from dead_letter_actions
      where action = 'redrive' and (state = 'wanted' or ended_at > now() - interval '10 minutes')`.execute(db),
  );
  return rows[0] ?? { waitingCount: 0, doneCount: 0, failedCount: 0 };
}

/** @param low the first offset that each partition keeps @returns how many are redriven or discarded, by topic */
export async function countDone(db: Db, low: readonly LetterPlace[]): Promise<Map<string, number>> {
  const { rows } = await withDatabase(() =>
    sql<{ topic: string; count: number }>`
      select a.topic, count(*) as count
      from unnest(
        ${low.map(({ topic }) => topic)}::text[],
        ${low.map(({ partition }) => partition)}::integer[],
        ${low.map(({ offset }) => offset)}::bigint[]
      ) as g(topic, partition, low)
      join dead_letter_actions a
        on a.topic = g.topic and a.partition = g.partition and a.record_offset >= g.low
      where a.state = 'done'
      group by a.topic`.execute(db),
  );
  return new Map(rows.map(({ topic, count }) => [topic, count]));
}
