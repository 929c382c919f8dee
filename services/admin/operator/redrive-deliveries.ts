// Publishes the records of deliveries that people want sent again: the same message where it may have arrived, else a
// planned chunk, so that it is made anew from what is known of the person today.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { DeliveryState } from '../../../lib/db/tables.ts';
import type { RawRecord } from '../../../lib/kafka/publisher.ts';
import type { Priority } from '../../../lib/topics.ts';
import { openRecord } from '../kafka/open-record.ts';
import { replan, type TemplateChoice } from './redrive-chunks.ts';
import { toChunkRecord, toHeaders } from './redrive-letter.ts';
import type { RedriveParts } from './redrive-letters.ts';
import { readPlaces, toPlaceText } from './redrive-read.ts';

interface Wanted {
  notification_id: string;
  kind: 'redrive' | 'resend';
  template: TemplateChoice;
  who: string;
  at: Date;
  /** Null: the ledger has no row of it. */
  state: DeliveryState | null;
  request_id: string;
  chunk_id: string;
  user_id: string;
  priority: Priority;
  planned_at_ms: number | null;
  rendered_partition: number | null;
  rendered_offset: number | null;
}

const deliveriesAtOnce = 500;

/**
 * One executor at a time, whatever the number of processes. What was published and not noted, for a crash, is published
 * once more: the claim took the command with the first record, and finds the second one ended.
 * @returns how many; 0 when nothing is wanted
 */
export async function redriveDeliveries(parts: RedriveParts): Promise<number> {
  return withDatabase(() =>
    parts.db.transaction().execute(async (transaction) => {
      const lock = await sql<{ free: boolean }>`
        select pg_try_advisory_xact_lock(hashtextextended('redrive deliveries', 0)) as free`.execute(transaction);
      if (!lock.rows[0]?.free) return 0;
      // No row is locked: the claims take these commands from the moment on that their records are published.
      const wanted = await findWanted(parts.db);
      if (wanted.length === 0) return 0;
      const answers = new Map<string, string>();
      const records = await toRecords(parts, wanted, answers);
      await parts.publisher.publishRaw(records);
      await note(parts.db, wanted, answers);
      return wanted.length;
    }),
  );
}

async function findWanted(db: Db): Promise<Wanted[]> {
  const { rows } = await sql<Wanted>`
    select c.notification_id, c.kind, c.template_choice as template, c.requested_by as who, c.requested_at as at, d.state,
      d.request_id, d.chunk_id, d.user_id, d.priority, d.rendered_partition, d.rendered_offset,
      floor(extract(epoch from d.planned_at) * 1000)::double precision as planned_at_ms
    from (
      select * from delivery_commands where needs_record order by requested_at limit ${deliveriesAtOnce}
    ) c
    left join lateral (select * from deliveries where notification_id = c.notification_id limit 1) d on true`.execute(
    db,
  );
  return rows;
}

async function toRecords(
  parts: RedriveParts,
  wanted: readonly Wanted[],
  answers: Map<string, string>,
): Promise<RawRecord[]> {
  const open: Wanted[] = [];
  for (const one of wanted) {
    if (one.state === null) answers.set(one.notification_id, 'the ledger does not know it');
    else if (one.state === 'sent' && one.kind === 'redrive') answers.set(one.notification_id, 'sent');
    else open.push(one);
  }
  const same = await findSameMessages(parts, open);
  const records = [...same.values()];
  const anew = open.filter((one) => !same.has(one.notification_id));
  for (const [template, some] of Map.groupBy(anew, (one) => one.template)) {
    const people = some.map((one) => ({
      requestId: one.request_id,
      chunkId: one.chunk_id,
      userId: one.user_id,
      plannedAtMs: one.planned_at_ms,
    }));
    const { chunks, faults } = await replan(parts.db, people, template);
    records.push(...chunks.map((chunk) => toChunkRecord(parts, chunk, toHeaders({}, some[0]?.who ?? ''))));
    for (const { notification_id, request_id } of some) {
      const fault = faults.get(request_id);
      if (fault !== undefined) answers.set(notification_id, fault);
    }
  }
  return records;
}

/** What may have arrived is repeated as it was, so that nobody gets two different ones; for as long as the topic keeps it. */
async function findSameMessages(parts: RedriveParts, wanted: readonly Wanted[]): Promise<Map<string, RawRecord>> {
  const rendered = wanted.flatMap((one) => {
    const { state, template, rendered_partition: partition, rendered_offset: offset } = one;
    const mayHaveArrived = state === 'unknown' || state === 'sent';
    if (!mayHaveArrived || template !== 'pinned' || partition === null || offset === null) return [];
    return [{ one, topic: parts.topics.rendered[one.priority].name, partition, offset }];
  });
  const stored = await readPlaces(parts.records, rendered);
  const records = new Map<string, RawRecord>();
  for (const { one, ...place } of rendered) {
    const record = stored.get(toPlaceText(place));
    if (!record) continue;
    const { content } = await openRecord(parts, record);
    if (content.kind !== 'event' || content.event.notification_id !== one.notification_id) continue;
    const { topic, key, value } = record;
    const headers = toHeaders(record.rawHeaders ?? record.headers, one.who);
    records.set(one.notification_id, { topic, key, value, headers });
  }
  return records;
}

/** A command that was given anew meanwhile is left to the next round. */
async function note(db: Db, wanted: readonly Wanted[], answers: ReadonlyMap<string, string>): Promise<void> {
  await sql`
    update delivery_commands c set needs_record = false, answer = coalesce(g.answer, c.answer),
      taken_at = case when g.answer is null then c.taken_at else coalesce(c.taken_at, now()) end
    from unnest(
      ${wanted.map((one) => one.notification_id)}::uuid[],
      ${wanted.map((one) => one.at)}::timestamptz[],
      ${wanted.map((one) => answers.get(one.notification_id) ?? null)}::text[]
    ) as g(notification_id, requested_at, answer)
    where c.notification_id = g.notification_id
      -- Dates come to us in whole milliseconds.
      and date_trunc('milliseconds', c.requested_at) = g.requested_at`.execute(db);
}
