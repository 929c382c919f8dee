// Cuts what was read into portions of some hundred people, each with the place to go on at afterwards. Records that are not
// to be judged (tests, other requests than the filter names, bytes that do not decode) are counted and passed over here.

import { isUuid } from '../../../domain/ids.ts';
import type { Db } from '../../../lib/db/database.ts';
import { PermanentError } from '../../../lib/errors.ts';
import type { Codec } from '../../../lib/kafka/codec.ts';
import type { Topic } from '../../../lib/topics.ts';
import type { StoredRecord } from '../kafka/stored-record.ts';
import { findAllChunks, findChunksFrom, findRequests, type RequestFacts, type StoredChunk } from './replay-ledger.ts';
import {
  type Decoded,
  fitsFilter,
  isTest,
  type OpenRecord,
  type Subject,
  toPeople,
  toPlannedSubject,
} from './replay-subject.ts';
import type { Replay, ReplayCounts } from './replay-types.ts';

export type CountDeltas = Partial<Record<keyof ReplayCounts, number>>;

export interface Portion {
  subjects: Subject[];
  requests: ReadonlyMap<string, RequestFacts>;
  counts: CountDeltas;
  /** The next record of this partition; or the same one, from this sequence on. */
  next: { offset: string; sequence?: number };
}

interface Parts {
  db: Db;
  codec: Codec;
}

export interface Batch {
  records: readonly StoredRecord[];
  /** The offset after all of it. */
  nextOffset: string;
  /** Of the first record the chunks before this one are done. */
  fromSequence: number;
}

const peoplePerPortion = 500;
/** Requests with more chunks than this are read page by page. */
const fewChunks = 4;
const chunksAtOnce = 20;

export async function* toPortions(
  parts: Parts,
  replay: Pick<Replay, 'filter' | 'mode'>,
  topic: Topic,
  batch: Batch,
): AsyncGenerator<Portion> {
  let counts: CountDeltas = {};
  let subjects: Subject[] = [];
  let peopleCount = 0;
  const count = (name: keyof ReplayCounts, by = 1) => {
    counts[name] = (counts[name] ?? 0) + by;
  };
  const opened = await Promise.all(batch.records.map((stored) => open(parts.codec, topic, stored)));
  const ids = opened.flatMap((one) => (typeof one === 'string' ? [] : one.decoded.event.request_id)).filter(isUuid);
  const requests = await findRequests(parts.db, ids, replay.mode !== 'dry_run');
  const small = topic.record === 'NotificationRequested' ? [...requests.values()].filter(hasFewChunks) : [];
  const chunks = await findAllChunks(
    parts.db,
    small.map(({ requestId }) => requestId),
  );
  const cut = (next: Portion['next']): Portion => {
    const portion = { subjects, requests, counts, next };
    [subjects, counts, peopleCount] = [[], {}, 0];
    return portion;
  };

  for (const [index, one] of opened.entries()) {
    const stored = batch.records[index];
    if (!stored) continue;
    if (typeof one === 'string') count(one);
    else {
      for await (const subject of toSubjects(one, index === 0 ? batch.fromSequence : 0)) {
        subjects.push(subject);
        peopleCount += subject.people.length;
        if (peopleCount >= peoplePerPortion && subject.chunk) {
          yield cut({ offset: stored.offset, sequence: subject.chunk.sequence + 1 });
        }
      }
    }
    count('readRecords');
    if (peopleCount >= peoplePerPortion) yield cut({ offset: String(BigInt(stored.offset) + 1n) });
  }
  yield cut({ offset: batch.nextOffset });

  async function* toSubjects(record: OpenRecord, fromSequence: number): AsyncGenerator<Subject> {
    const { decoded } = record;
    const { request_id: requestId, template_id: named, priority } = decoded.event;
    if (!isUuid(requestId)) return count('undecodableRecords');
    const request = requests.get(requestId);
    const templateId = request?.state ? request.templateId : named;
    if (!fitsFilter(replay.filter, { requestId, templateId, priority })) return count('otherRecords');
    if (isTest(decoded) || request?.origin === 'test') return count('testRecords');
    if (decoded.name !== 'NotificationRequested') {
      const subject = toPlannedSubject(record, replay.filter);
      if (subject) yield subject;
      else count('otherRecords');
    } else if (request?.state) yield* toChunkSubjects(record, request, fromSequence);
    else {
      const subject = toUnplanned(record, decoded);
      if (subject) yield subject;
    }
  }

  async function* toChunkSubjects(
    record: OpenRecord,
    request: RequestFacts,
    fromSequence: number,
  ): AsyncGenerator<Subject> {
    const { requestId, channel, requestedAtMs, expiresAtMs } = request;
    if (request.state === 'rejected' || channel === null) return count('rejectedRequests');
    if (replay.filter.onlyUnplanned) return count('otherRecords');
    // Where a part of its chunks is done, it was counted with them.
    if (fromSequence === 0 && !request.planningComplete && request.hold !== 'cancelled') count('plannedLaterRequests');
    for await (const chunk of readChunks(request, fromSequence)) {
      const people = toPeople(requestId, channel, chunk.userIds, replay.filter);
      if (people.length > 0)
        yield { record, kind: 'stored_chunk', chunk, requestId, requestedAtMs, expiresAtMs, people };
    }
  }

  async function* readChunks(request: RequestFacts, fromSequence: number): AsyncGenerator<StoredChunk> {
    if (hasFewChunks(request)) {
      yield* (chunks.get(request.requestId) ?? []).filter(({ sequence }) => sequence >= fromSequence);
      return;
    }
    for (let at = fromSequence; ; ) {
      const page = await findChunksFrom(parts.db, request.requestId, at, chunksAtOnce);
      yield* page;
      if (page.length < chunksAtOnce) return;
      at = (page.at(-1)?.sequence ?? at) + 1;
    }
  }

  function toUnplanned(
    record: OpenRecord,
    { event }: Extract<Decoded, { name: 'NotificationRequested' }>,
  ): Subject | undefined {
    const { request_id: requestId, requested_at: requestedAtMs, expires_at: expiresAtMs } = event;
    const users = [...new Set(event.user_ids)];
    const { user_id: user } = replay.filter;
    if (user !== undefined && (users.length > 1 || users[0] !== user || event.user_categories.length > 0)) {
      const isAbout = users.includes(user) || event.user_categories.length > 0;
      count(isAbout ? 'wholeOnlyRequests' : 'otherRecords');
      return undefined;
    }
    // Which channel is not known before it is planned; it has no rows by which one could be told from the other.
    const people = toPeople(requestId, 'email', users, {});
    return { record, kind: 'unplanned', requestId, requestedAtMs, expiresAtMs, people };
  }
}

function hasFewChunks({ chunkCount }: RequestFacts): boolean {
  return chunkCount <= fewChunks;
}

/** @returns what it counts as when there is nothing to look at. @throws DependencyError('registry') */
async function open(
  codec: Codec,
  topic: Topic,
  stored: StoredRecord,
): Promise<OpenRecord | 'emptyRecords' | 'undecodableRecords'> {
  if (stored.value === null) return 'emptyRecords';
  try {
    const event = codec.decodeKnown(topic, stored.value) ?? (await codec.decode(topic, stored.value));
    return { stored, topic, decoded: { name: topic.record, event } as Decoded };
  } catch (error) {
    if (error instanceof PermanentError) return 'undecodableRecords';
    throw error;
  }
}
