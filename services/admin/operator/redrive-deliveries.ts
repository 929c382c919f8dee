// Publishes the records of deliveries that people want sent again: the same message where it may have arrived, else a
// planned chunk, so that it is made anew from what is known of the person today.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import type { DeliveryState } from '../../../lib/db/tables.ts';
import { describeError } from '../../../lib/errors.ts';
import type { RawRecord } from '../../../lib/kafka/publisher.ts';
import type { Priority } from '../../../lib/topics.ts';
import { openRecord } from '../kafka/open-record.ts';
import { replan, type TemplateChoice } from './redrive-chunks.ts';
import { isolateFailures, isSpent, leaseSeconds, spentWords } from './redrive-lease.ts';
import { toChunkRecord, toHeaders } from './redrive-letter.ts';
import type { RedriveParts } from './redrive-letters.ts';
import { readPlaces, toPlaceText } from './redrive-read.ts';

interface Wanted {
  notification_id: string;
  kind: 'redrive' | 'resend';
  template: TemplateChoice;
  who: string;
  at: Date;
  attempts: number;
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
 * No transaction stays open while Kafka is asked: a lease keeps other executors away, and no row is locked, for the claims
 * take these commands from the moment on that their records are published. What was published and not noted, for a crash,
 * is published once more: the claim took the command with the first record, and finds the second one ended.
 * @returns how many; 0 when nothing is wanted
 * @throws DependencyError when Kafka, the registry or Postgres is down: then all of them are still wanted
 */
export async function redriveDeliveries(parts: RedriveParts): Promise<number> {
  const { db } = parts;
  const wanted = await withDatabase(() => takeWanted(db));
  try {
    const fail = (one: Wanted, error: unknown) =>
      note(db, [one], new Map([[one.notification_id, describeError(error)]]));
    const spent = wanted.filter(isSpent);
    await note(db, spent, new Map(spent.map((one) => [one.notification_id, spentWords])));
    await isolateFailures(
      wanted.filter((one) => !isSpent(one)),
      (some) => carryOut(parts, some),
      fail,
    );
  } catch (error) {
    await withDatabase(() => giveBack(db, wanted));
    throw error;
  }
  return wanted.length;
}

async function carryOut(parts: RedriveParts, wanted: readonly Wanted[]): Promise<void> {
  const answers = new Map<string, string>();
  await parts.publisher.publishRaw(await toRecords(parts, wanted, answers));
  await note(parts.db, wanted, answers);
}

async function takeWanted(db: Db): Promise<Wanted[]> {
  const { rows } = await sql<Wanted>`
    with free as (
      select notification_id from delivery_commands
      where needs_record and (lease_until is null or lease_until < now())
      order by requested_at limit ${deliveriesAtOnce}
      for update skip locked
    ),
    c as (
      update delivery_commands c set lease_until = now() + make_interval(secs => ${leaseSeconds}),
        attempts = c.attempts + 1
      from free where c.notification_id = free.notification_id
      returning c.*
    )
    select c.notification_id, c.kind, c.template_choice as template, c.requested_by as who, c.requested_at as at,
      c.attempts, d.state, d.request_id, d.chunk_id, d.user_id, d.priority, d.rendered_partition, d.rendered_offset,
      floor(extract(epoch from d.planned_at) * 1000)::double precision as planned_at_ms
    from c
    left join lateral (select * from deliveries where notification_id = c.notification_id limit 1) d on true
    order by c.requested_at`.execute(db);
  return rows;
}

/** What kept these from being done is not their fault: the try does not count. */
async function giveBack(db: Db, wanted: readonly Wanted[]): Promise<void> {
  const ids = wanted.map((one) => one.notification_id);
  await sql`
    update delivery_commands set lease_until = null, attempts = greatest(0, attempts - 1)
    where notification_id = any(${ids}::uuid[]) and needs_record`.execute(db);
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
  if (wanted.length === 0) return;
  await withDatabase(() =>
    sql`
      update delivery_commands c set needs_record = false, lease_until = null, attempts = 0,
        answer = coalesce(g.answer, c.answer),
        taken_at = case when g.answer is null then c.taken_at else coalesce(c.taken_at, now()) end
      from unnest(
        ${wanted.map((one) => one.notification_id)}::uuid[],
        ${wanted.map((one) => one.at)}::timestamptz[],
        ${wanted.map((one) => answers.get(one.notification_id)?.slice(0, 500) ?? null)}::text[]
      ) as g(notification_id, requested_at, answer)
      where c.notification_id = g.notification_id
        -- Dates come to us in whole milliseconds.
        and date_trunc('milliseconds', c.requested_at) = g.requested_at`.execute(db),
  );
}
