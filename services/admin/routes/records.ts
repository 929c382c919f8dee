// /topics/<name> : what stands in one topic, newest first, decoded as far as tells records apart.
import { toKeyText } from '../kafka/key-text.ts';
import { type OpenedRecord, openRecord } from '../kafka/open-record.ts';
import { toRecordFacts } from '../kafka/record-facts.ts';
import { type Place, readOffsets, readPage, writeOffsets } from '../kafka/record-page.ts';
import { findTopic, type KnownTopic } from '../kafka/topic-directory.ts';
import { page } from '../page.ts';
import { PageError } from '../page-error.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { queryText, readQuery } from '../query.ts';
import { requireAbility } from '../roles.ts';
import { findPlace } from './records-place.ts';

const pageSize = 50;
/** What says where the page begins, and is kept by a search within it. */
/** Offsets of as many partitions as an address has room for. */
const maxPlaceChars = 16_000;
const placeFields = ['before', 'from', 'partition', 'offset', 'time'];

export function records(app: AdminApp, parts: Parts): void {
  app.get('/topics/:topic', (c) => list(c, parts));
}

async function list(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'operate');
  const topic = requireTopic(c, parts);
  const asked = Object.fromEntries(
    placeFields.flatMap((name) => {
      const text = queryText(c, name, maxPlaceChars);
      return text === '' ? [] : [[name, text]];
    }),
  );
  for (const name of ['before', 'from']) readQuery(c, name, readOffsets);
  const searched = queryText(c, 'q');
  const ranges = await parts.records.ranges(topic.name);
  const { place, faults, words } = await findPlace(asked, topic.name, ranges, parts.kafkaAdmin);
  const found = await readPage(parts.records, topic.name, ranges, place, pageSize);
  const all = (await Promise.all(found.records.map((record) => openRecord(parts, record)))).map(toRow);
  const rows = searched === '' ? all : all.filter(({ haystack }) => haystack.includes(searched.toLowerCase()));
  const data = {
    title: topic.name,
    topic,
    faults,
    words,
    asked,
    placeFields,
    searched,
    rows,
    readCount: all.length,
    keptCount: Number(ranges.reduce((sum, { low, high }) => sum + high - low, 0n)),
    ranges: ranges.map(({ partition, low, high }) => ({ partition, low: String(low), high: String(high) })),
    older: toLink(topic.name, found.older, searched),
    newer: toLink(topic.name, found.newer, searched),
  };
  return page(c, parts, 'records/list', data, Object.keys(faults).length > 0 ? 422 : 200);
}

/** @throws PageError 404 */
export function requireTopic(c: AdminContext, parts: Pick<Parts, 'topics'>): KnownTopic {
  const topic = findTopic(parts.topics, c.req.param('topic') ?? '');
  if (!topic) throw new PageError(404, 'Posthorn has no topic of this name. The list of topics has them all.');
  return topic;
}

function toLink(topic: string, place: Place | undefined, searched: string): string | undefined {
  if (!place) return undefined;
  const query = new URLSearchParams({ [place.direction]: writeOffsets(place.offsets) });
  if (searched !== '') query.set('q', searched);
  return `/topics/${encodeURIComponent(topic)}?${query}`;
}

function toRow(record: OpenedRecord) {
  const { stored, content, cause } = record;
  const facts = toRecordFacts(record);
  const key = toKeyText(stored.key);
  const { partition, offset, timestampMs, valueBytes } = stored;
  const fault = content.kind === 'undecodable' ? content.reason : undefined;
  const words = [
    key,
    fault,
    cause?.errorCode,
    cause?.errorMessage,
    ...Object.values(facts),
    ...headerWords(stored.headers),
  ];
  const haystack = words
    .filter((word) => word !== undefined)
    .join('\n')
    .toLowerCase();
  return { partition, offset, timestampMs, valueBytes, key, kind: content.kind, fault, cause, facts, haystack };
}

function headerWords(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers).map(([name, value]) => `${name}=${value}`);
}
