// One replay, from its cursor to its end: read, judge, publish, save, one portion after the other. A crash repeats a portion:
// nobody is let through twice, and as counts and cursor move in one statement, nobody is counted twice either.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from '../../../lib/db/database.ts';
import { PosthornError } from '../../../lib/errors.ts';
import type { Codec } from '../../../lib/kafka/codec.ts';
import type { Publisher } from '../../../lib/kafka/publisher.ts';
import { recordTopics, type Topics } from '../../../lib/topics.ts';
import type { RecordReader } from '../kafka/record-reader.ts';
import { saveReplay } from '../queries/replays.ts';
import { openResends } from './replay-commands.ts';
import { judge } from './replay-judge.ts';
import { findDeliveries, findLedgerStart } from './replay-ledger.ts';
import { type Batch, type CountDeltas, type Portion, toPortions } from './replay-portions.ts';
import { createRateLimit } from './replay-rate.ts';
import { toReplayRecords } from './replay-records.ts';
import type { Person, Subject } from './replay-subject.ts';
import type { Replay, ReplayCounts, ReplayCursor } from './replay-types.ts';

export interface ReplayParts {
  db: Db;
  topics: Topics;
  codec: Codec;
  publisher: Pick<Publisher, 'publishRaw' | 'encode'>;
  reader: Pick<RecordReader, 'readStretches' | 'ranges'>;
  now: () => number;
}

const recordsAtOnce = 500;
/** What is known of people who were published or counted already is kept for so many. */
const maxSeen = 500_000;

/**
 * @param signal aborted when somebody else has it, or nobody wants it to go on
 * @returns whether it came to its end
 */
export async function runReplay(parts: ReplayParts, replay: Replay, signal: AbortSignal): Promise<boolean> {
  const topic = recordTopics(parts.topics).find(({ name }) => name === replay.topic);
  if (!topic) throw new PosthornError('topic_unknown', `there is no topic ${replay.topic} of ours`);
  const counts: ReplayCounts = { ...replay.counts };
  let { cursor } = replay;
  const rate = createRateLimit(replay.ratePerSecond);
  const ledgerStartMs = await findLedgerStart(parts.db);
  // A request, or a person, may stand in several records: they are counted and published once.
  const seen = new Set<string>();
  const isNew = (id: string): boolean => {
    if (seen.has(id)) return false;
    if (seen.size < maxSeen) seen.add(id);
    return true;
  };

  async function save(): Promise<boolean> {
    return (await saveReplay(parts.db, replay, { cursor, counts })) === 'running' && !signal.aborted;
  }

  /** In steps that the rate allows, each told at once. @returns whether to go on */
  async function publish(portion: Portion, { chosen, resentIds }: Judged): Promise<boolean> {
    const maxPeople = Math.min(500, replay.ratePerSecond);
    let group: ReturnType<typeof toReplayRecords> = [];
    let groupCount = 0;
    const flush = async (): Promise<boolean> => {
      if (group.length === 0) return true;
      try {
        await rate.take(groupCount, signal);
      } catch (error) {
        if (signal.aborted) return false;
        throw error;
      }
      await parts.publisher.publishRaw(group.map(({ raw }) => raw));
      counts.published += groupCount;
      counts.publishedRecords += group.length;
      const { sent, resent } = cursor.partial ?? { sent: [], resent: [] };
      const ids = group.flatMap((one) => one.ids);
      const partial = {
        sent: [...sent, ...ids.filter((id) => !resentIds.has(id))],
        resent: [...resent, ...ids.filter((id) => resentIds.has(id))],
      };
      cursor = { ...cursor, partial };
      [group, groupCount] = [[], 0];
      return save();
    };
    for (const { subject, userIds } of chosen) {
      const request = portion.requests.get(subject.requestId);
      for (const record of toReplayRecords(parts, replay.replayId, subject, userIds, request, maxPeople)) {
        if (groupCount + record.peopleCount > maxPeople && !(await flush())) return false;
        group.push(record);
        groupCount += record.peopleCount;
      }
    }
    return flush();
  }

  async function handle(portion: Portion, partition: number, goneRecords: number): Promise<boolean> {
    const found = await judgePortion(parts, { ...replay, cursor }, portion, ledgerStartMs, isNew);
    if (replay.mode !== 'dry_run' && !(await publish(portion, found))) return false;
    add(counts, { goneRecords });
    add(counts, portion.counts);
    add(counts, found.counts);
    cursor = toCursor(cursor, partition, portion.next);
    return save();
  }

  for (const partition of Object.keys(replay.until)
    .map(Number)
    .sort((a, b) => a - b)) {
    for (;;) {
      const batch = await readBatch(parts, replay, cursor, partition);
      if (!batch) break;
      let { goneCount } = batch;
      for await (const portion of toPortions(parts, replay, topic, batch)) {
        if (!(await handle(portion, partition, goneCount))) return false;
        goneCount = 0;
      }
      // A long replay leaves the pages of the same process their turn.
      await sleep(0);
    }
  }
  return true;
}

interface Chosen {
  subject: Subject;
  userIds: string[];
}

interface Judged {
  chosen: Chosen[];
  counts: CountDeltas;
  /** Of the notification ids in `chosen`, those that get their message a second time. */
  resentIds: ReadonlySet<string>;
}

async function judgePortion(
  { db, now }: ReplayParts,
  replay: Replay,
  { subjects, requests }: Portion,
  ledgerStartMs: number,
  isNew: (id: string) => boolean,
): Promise<Judged> {
  const { mode, filter, cursor } = replay;
  const doneIds = new Set(cursor.partial?.sent);
  const doneAgainIds = new Set(cursor.partial?.resent);
  const planned = subjects.filter(({ kind }) => kind !== 'unplanned');
  const asked = planned.flatMap(({ people, requestedAtMs }) =>
    people.map(({ notificationId }) => ({ notificationId, requestedAtMs })),
  );
  const states = asked.length > 0 ? await findDeliveries(db, asked) : new Map();
  const counts: CountDeltas = {};
  const chosen: (Chosen & { again: { userId: string; notificationId: string }[] })[] = [];
  for (const subject of subjects) {
    const hold = requests.get(subject.requestId)?.hold ?? null;
    const facts = { nowMs: now(), ledgerStartMs, hold, states, mode, filter };
    if (subject.kind === 'unplanned') {
      if (!isNew(subject.requestId)) continue;
      const judged = judge({ ...subject, people: [{ userId: '', notificationId: '' }] }, facts);
      const [refusal] = Object.keys(judged.counts) as (keyof ReplayCounts)[];
      if (refusal) {
        add(counts, { [refusal]: Math.max(1, subject.people.length) });
        continue;
      }
      const { decoded } = subject.record;
      const isUncounted = decoded.name === 'NotificationRequested' && decoded.event.user_categories.length > 0;
      add(counts, { unplannedRequests: 1, toSend: subject.people.length, uncountedRequests: isUncounted ? 1 : 0 });
      if (doneIds.has(subject.requestId)) continue;
      chosen.push({ subject, userIds: subject.people.map(({ userId }) => userId), again: [] });
      continue;
    }
    // Published before a crash or a pause: what the ledger says of them by now is the doing of this replay.
    const isDone = ({ notificationId: id }: Person) => doneIds.has(id) || doneAgainIds.has(id);
    const done = subject.people.filter((person) => isDone(person) && isNew(person.notificationId));
    const doneAgainCount = done.filter(({ notificationId }) => doneAgainIds.has(notificationId)).length;
    add(counts, { toSend: done.length - doneAgainCount, resent: doneAgainCount });
    const left = { ...subject, people: subject.people.filter((person) => !isDone(person)) };
    const { toSend, toResend, counts: others } = judge(left, facts);
    const fresh = toSend.filter(({ notificationId }) => isNew(notificationId));
    const again = toResend.filter(({ notificationId }) => isNew(notificationId));
    add(counts, others);
    add(counts, { toSend: fresh.length });
    chosen.push({ subject, userIds: fresh.map(({ userId }) => userId), again });
  }
  const wanted = chosen.flatMap(({ again }) => again.map(({ notificationId }) => notificationId));
  const open = await openResends(db, replay, wanted);
  for (const one of chosen) {
    const resent = one.again.filter(({ notificationId }) => open.has(notificationId));
    // Those whose command is taken got it from this replay, before a crash.
    add(counts, { resent: one.again.length });
    one.userIds.push(...resent.map(({ userId }) => userId));
  }
  const resentIds = new Set(chosen.flatMap(({ again }) => again.map(({ notificationId }) => notificationId)));
  // A request to categories alone has no people that one could name.
  return {
    chosen: chosen.filter(({ subject, userIds }) => userIds.length > 0 || subject.kind === 'unplanned'),
    counts,
    resentIds,
  };
}

/** @returns undefined at the end of the partition's stretch */
async function readBatch(
  { reader }: ReplayParts,
  { topic, from, until }: Replay,
  { next, within }: ReplayCursor,
  partition: number,
): Promise<(Batch & { goneCount: number }) | undefined> {
  const wanted = BigInt(next[partition] ?? from[partition] ?? '0');
  const end = BigInt(until[partition] ?? '0');
  if (wanted >= end) return undefined;
  const range = (await reader.ranges(topic)).find((one) => one.partition === partition);
  const high = range && range.high < end ? range.high : end;
  const low = range && range.low > wanted ? (range.low < end ? range.low : end) : wanted;
  const fromSequence = within?.partition === partition && low === wanted ? within.sequence : 0;
  const goneCount = Number(low - wanted);
  const { records, isCutShort } =
    low < high
      ? await reader.readStretches({ topic, stretches: [{ partition, from: low, end: high, limit: recordsAtOnce }] })
      : { records: [], isCutShort: false };
  const last = records.at(-1);
  const isAll = !last || (!isCutShort && records.length < recordsAtOnce);
  return { records, nextOffset: isAll ? String(end) : String(BigInt(last.offset) + 1n), fromSequence, goneCount };
}

function toCursor({ next }: ReplayCursor, partition: number, { offset, sequence }: Portion['next']): ReplayCursor {
  const moved = { ...next, [partition]: offset };
  return sequence === undefined ? { next: moved } : { next: moved, within: { partition, sequence } };
}

function add(counts: CountDeltas, deltas: CountDeltas): void {
  for (const [name, by] of Object.entries(deltas) as [keyof ReplayCounts, number][]) {
    if (by !== 0) counts[name] = (counts[name] ?? 0) + by;
  }
}
