// The planner as a stage: requests in, chunks out. Everything is stored first, then published, then marked: a crash
// between two steps repeats the later ones with the same ids.

import { isUuid } from '../../domain/ids.ts';
import type { Db } from '../../lib/db/database.ts';
import { PermanentError } from '../../lib/errors.ts';
import type { NotificationRequested } from '../../lib/events.ts';
import type { Publisher } from '../../lib/kafka/publisher.ts';
import type { Incoming, Outgoing, Refused, SinkStage, Slice } from '../../lib/kafka/stage.ts';
import type { Lane, Topics } from '../../lib/topics.ts';
import {
  type ActiveTemplate,
  checkRequest,
  type PlannedRequest,
  plan,
  toChunkPlanned,
  toPlausibleTime,
  toPrintable,
} from './plan.ts';
import { toPlannedRecord } from './planned-record.ts';
import type { RequestStore, StoredRequest } from './request-store.ts';
import { findActiveTemplates } from './template-catalogue.ts';
import { checkTestSend, findTestSends, type TestSend } from './test-sends.ts';

interface Parts {
  db: Db;
  store: RequestStore;
  publisher: Pick<Publisher, 'publish'>;
  topics: Topics;
  now: () => number;
}

interface Candidate {
  incoming: Incoming<NotificationRequested>;
  request: PlannedRequest;
  error: PermanentError | undefined;
}

type Publication = { record: Outgoing<'ChunkPlanned'>; requestId: string; sequence: number };

export function createPlannerStage(
  lane: Lane<'NotificationRequested'>,
  parts: Parts,
): SinkStage<'NotificationRequested'> {
  return {
    kind: 'sink',
    name: 'planner',
    lane,
    countPeople: (event) => Math.max(1, event.user_ids.length),
    // A request that is refused plans nobody: its row says rejected, its record is in the dead letters.
    fail: () => [],
    handle: (slice) => handle(slice, parts),
  };
}

async function handle(slice: Slice<NotificationRequested>, parts: Parts) {
  const now = parts.now();
  const names = [...new Set(slice.incoming.map(({ event }) => event.template_id))];
  const templates = await findActiveTemplates(parts.db, names);
  const tests = slice.incoming.filter(({ event }) => event.test !== null && isUuid(event.request_id));
  const testSends = await findTestSends(
    parts.db,
    tests.map(({ event }) => event.request_id),
  );
  const candidates = slice.incoming.map((incoming) => judge(incoming, templates, testSends, now));

  const refused: Refused<NotificationRequested>[] = [];
  const first = new Map<string, Candidate>();
  for (const candidate of candidates) {
    if (candidate.error) refused.push({ incoming: candidate.incoming, error: candidate.error });
    if (!isUuid(candidate.request.requestId)) continue;
    const earlier = first.get(candidate.request.requestId);
    if (!earlier) first.set(candidate.request.requestId, candidate);
    else if (!candidate.error && !earlier.request.bodyHash.equals(candidate.request.bodyHash)) {
      refused.push({ incoming: candidate.incoming, error: conflict() });
    }
  }

  const requests = [...first.values()];
  if (requests.length === 0) return { refused };
  const inserted = await parts.store.insert(requests.map((candidate) => candidate.request));
  const known = requests.filter((candidate) => !inserted.has(candidate.request.requestId));
  const stored = await loadById(parts.store, known);
  // In the order of the records: one person's messages leave in the order in which they were asked for.
  const publications = requests.flatMap((candidate): Publication[] => {
    const { request, incoming } = candidate;
    if (inserted.has(request.requestId)) return toPublications(request, incoming.traceparent, parts.topics, now);
    const row = stored.get(request.requestId);
    if (!row || candidate.error) return [];
    // The hash of a request for somebody who was erased is gone with them: then its id is enough.
    const isKnown = row.body_hash.length === 0 || row.body_hash.equals(request.bodyHash);
    if (isKnown) return toRepublications(row, incoming.traceparent, parts.topics);
    refused.push({ incoming, error: conflict() });
    return [];
  });

  if (publications.length > 0) {
    await parts.publisher.publish(publications.map(({ record }) => record));
    await parts.store.markPublished(publications);
  }
  return { refused };
}

function judge(
  incoming: Incoming<NotificationRequested>,
  templates: ReadonlyMap<string, ActiveTemplate>,
  testSends: ReadonlyMap<string, TestSend>,
  now: number,
): Candidate {
  const { event } = incoming;
  const requestedAtMs = toPlausibleTime(event.requested_at, incoming.timestampMs, now);
  const active = templates.get(event.template_id);
  const template = active && event.test ? { ...active, version: event.test.template_version } : active;
  try {
    checkRequest(event, requestedAtMs);
    if (!template) {
      throw new PermanentError('template_unknown', `there is no template '${toPrintable(event.template_id)}'`);
    }
    if (event.test) checkTestSend(event, event.test, testSends.get(event.request_id));
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    return { incoming, request: plan(event, undefined, now, requestedAtMs, error.message), error };
  }
  return { incoming, request: plan(event, template, now, requestedAtMs), error: undefined };
}

function conflict(): PermanentError {
  return new PermanentError(
    'request_conflict',
    'another request with the same request_id and another body was here before',
  );
}

async function loadById(store: RequestStore, known: readonly Candidate[]): Promise<Map<string, StoredRequest>> {
  if (known.length === 0) return new Map();
  const rows = await store.load(known.map((candidate) => candidate.request.requestId));
  return new Map(rows.map((row) => [row.request_id, row]));
}

function toPublications(
  request: PlannedRequest,
  traceparent: string | undefined,
  topics: Topics,
  plannedAtMs: number,
): Publication[] {
  const { template } = request;
  if (!template) return [];
  return request.chunks.map((chunk) =>
    toPublication(toChunkPlanned(request, template, chunk, plannedAtMs), traceparent, topics),
  );
}

/** The chunks that are not known to be published, exactly as they were stored. */
function toRepublications(row: StoredRequest, traceparent: string | undefined, topics: Topics): Publication[] {
  if (row.template_version === null || !row.template_kind || !row.channel || !row.on_no_answer) return [];
  const template = {
    templateId: row.template_id,
    version: row.template_version,
    kind: row.template_kind,
    channel: row.channel,
    onNoAnswer: row.on_no_answer,
  };
  const request = {
    requestId: row.request_id,
    priority: row.priority,
    isPromo: row.is_promo,
    context: row.context,
    requestedAtMs: row.requested_at.getTime(),
    expiresAtMs: row.expires_at?.getTime() ?? null,
    testAddress: row.test_address,
  };
  return row.unpublished.map((chunk) => {
    const planned = { sequence: chunk.sequence, userIds: chunk.user_ids };
    return toPublication(toChunkPlanned(request, template, planned, Date.parse(chunk.stored_at)), traceparent, topics);
  });
}

function toPublication(
  event: Outgoing<'ChunkPlanned'>['event'],
  traceparent: string | undefined,
  topics: Topics,
): Publication {
  const record = toPlannedRecord(event, topics, traceparent);
  return { record, requestId: event.request_id, sequence: event.sequence };
}
