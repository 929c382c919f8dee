// Sends back the dead letters that people want redriven, some at a time. Safe to repeat after a crash at any point: the
// commands are written first, for the time the person asked at, and the ledger lets nobody through twice.
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { DependencyError, describeError, PermanentError } from '../../../lib/errors.ts';
import type { Codec } from '../../../lib/kafka/codec.ts';
import type { Publisher } from '../../../lib/kafka/publisher.ts';
import type { Topics } from '../../../lib/topics.ts';
import { openRecord } from '../kafka/open-record.ts';
import type { RecordReader } from '../kafka/record-reader.ts';
import type { StoredRecord } from '../kafka/stored-record.ts';
import { replan, type TemplateChoice } from './redrive-chunks.ts';
import { writeDeliveryCommands } from './redrive-commands.ts';
import { isolateFailures, isSpent, leaseSeconds, spentWords } from './redrive-lease.ts';
import { type Returning, type ReturnParts, returnLetter } from './redrive-letter.ts';
import { readPlaces, toPlaceText } from './redrive-read.ts';

export interface RedriveParts {
  db: Db;
  topics: Topics;
  codec: Codec;
  publisher: Pick<Publisher, 'publishRaw'>;
  records: Pick<RecordReader, 'ranges' | 'read' | 'readStretches'>;
}

interface WantedRow {
  topic: string;
  partition: number;
  offset: number;
  template: TemplateChoice;
  reason: string;
  who: string;
  at: Date;
  attempts: number;
}

interface Ended {
  row: WantedRow;
  returning?: Returning;
  fault?: string;
}

const lettersAtOnce = 100;

/**
 * No transaction stays open while Kafka is asked: a lease keeps other executors away. What a crash leaves behind is taken
 * again when its lease has ended.
 * @returns how many were done or failed; 0 when nothing is wanted
 * @throws DependencyError when Kafka, the registry or Postgres is down: then all of them are still wanted
 */
export async function redriveLetters(parts: RedriveParts): Promise<number> {
  const { db } = parts;
  const rows = await withDatabase(() => takeWanted(db));
  try {
    const fail = (row: WantedRow, error: unknown) => endAll(db, [{ row, fault: describeError(error) }]);
    await endAll(
      db,
      rows.filter(isSpent).map((row) => ({ row, fault: spentWords })),
    );
    await isolateFailures(
      rows.filter((row) => !isSpent(row)),
      (some) => carryOut(parts, some),
      fail,
    );
  } catch (error) {
    await withDatabase(() => giveBack(db, rows));
    throw error;
  }
  return rows.length;
}

async function carryOut(parts: RedriveParts, rows: readonly WantedRow[]): Promise<void> {
  const stored = await readPlaces(parts.records, rows);
  const ended: Ended[] = [];
  for (const row of rows) ended.push(await prepare(parts, row, stored.get(toPlaceText(row))));
  await allow(parts.db, ended);
  await publish(parts, ended);
  await endAll(parts.db, ended);
}

async function takeWanted(db: Db): Promise<WantedRow[]> {
  const { rows } = await sql<WantedRow>`
    with free as (
      select topic, partition, record_offset from dead_letter_actions
      where state = 'wanted' and action = 'redrive' and (lease_until is null or lease_until < now())
      order by requested_at, topic, partition, record_offset limit ${lettersAtOnce}
      for update skip locked
    )
    update dead_letter_actions a set lease_until = now() + make_interval(secs => ${leaseSeconds}), attempts = a.attempts + 1
    from free where (a.topic, a.partition, a.record_offset) = (free.topic, free.partition, free.record_offset)
    returning a.topic, a.partition, a.record_offset as offset, a.template_choice as template, a.reason,
      a.requested_by as who, a.requested_at as at, a.attempts`.execute(db);
  return rows.sort((a, b) => a.at.getTime() - b.at.getTime() || a.offset - b.offset);
}

/** What kept these from being done is not their fault: the try does not count. */
async function giveBack(db: Db, rows: readonly WantedRow[]): Promise<void> {
  await sql`
    update dead_letter_actions a set lease_until = null, attempts = greatest(0, a.attempts - 1)
    from unnest(
      ${rows.map(({ topic }) => topic)}::text[],
      ${rows.map(({ partition }) => partition)}::integer[],
      ${rows.map(({ offset }) => offset)}::bigint[]
    ) as g(topic, partition, record_offset)
    where a.topic = g.topic and a.partition = g.partition and a.record_offset = g.record_offset
      and a.state = 'wanted'`.execute(db);
}

async function prepare(parts: RedriveParts, row: WantedRow, stored: StoredRecord | undefined): Promise<Ended> {
  if (!stored) return { row, fault: 'the topic does not keep it any more' };
  const returnParts: ReturnParts = {
    topics: parts.topics,
    codec: parts.codec,
    activeVersion: (templateId) => findActiveVersion(parts.db, templateId),
    replan: (people, template) => replan(parts.db, people, template),
  };
  try {
    const opened = await openRecord(parts, stored);
    // Whether it can be read shows when the registry answers.
    if (opened.content.kind === 'undecodable' && opened.content.code === 'registry_down') {
      throw new DependencyError('registry', opened.content.reason);
    }
    return { row, returning: await returnLetter(returnParts, opened, row) };
  } catch (error) {
    if (error instanceof DependencyError) throw error;
    return { row, fault: error instanceof PermanentError ? error.message : describeError(error) };
  }
}

async function findActiveVersion(db: Db, templateId: string): Promise<number | undefined> {
  const { rows } = await withDatabase(() =>
    sql<{ version: number }>`
      select active_version as version from templates where template_id = ${templateId} and archived_at is null`.execute(
      db,
    ),
  );
  return rows[0]?.version;
}

/** Committed before the records are published, for a claim must find them. One statement for all that were wanted together. */
async function allow(db: Db, ended: readonly Ended[]): Promise<void> {
  const known = ended.filter(({ returning }) => returning && returning.notificationIds.length > 0);
  const together = Map.groupBy(known, ({ row }) =>
    JSON.stringify([row.at.getTime(), row.who, row.reason, row.template]),
  );
  for (const some of together.values()) {
    const row = some[0]?.row;
    if (!row) continue;
    const notificationIds = some.flatMap(({ returning }) => returning?.notificationIds ?? []);
    const { reason, who, at, template } = row;
    await writeDeliveryCommands(db, { notificationIds, kind: 'redrive', reason, who, at, template });
  }
}

/** One that Kafka refuses ends with its reason. What was written before it is absorbed by its ids. */
function publish({ publisher }: RedriveParts, ended: readonly Ended[]): Promise<void> {
  return isolateFailures(
    ended.filter(({ returning }) => returning && returning.records.length > 0),
    (some) => publisher.publishRaw(some.flatMap(({ returning }) => returning?.records ?? [])),
    (one, error) => {
      one.fault = describeError(error);
    },
  );
}

/** One that was wanted anew meanwhile is left to the next round. */
async function endAll(db: Db, ended: readonly Ended[]): Promise<void> {
  if (ended.length === 0) return;
  await withDatabase(() =>
    sql`
      update dead_letter_actions a set state = g.state, detail = g.detail, ended_at = now(), lease_until = null,
        attempts = 0
      from unnest(
        ${ended.map(({ row }) => row.topic)}::text[],
        ${ended.map(({ row }) => row.partition)}::integer[],
        ${ended.map(({ row }) => row.offset)}::bigint[],
        ${ended.map(({ row }) => row.at)}::timestamptz[],
        ${ended.map(({ fault }) => (fault === undefined ? 'done' : 'failed'))}::text[],
        ${ended.map(({ fault, returning }) => (fault ?? returning?.note ?? '').slice(0, 500))}::text[]
      ) as g(topic, partition, record_offset, requested_at, state, detail)
      where a.topic = g.topic and a.partition = g.partition and a.record_offset = g.record_offset
        -- Dates come to us in whole milliseconds.
        and date_trunc('milliseconds', a.requested_at) = g.requested_at`.execute(db),
  );
}
