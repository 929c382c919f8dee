// /topics/<name>/<partition>/<offset> : one record whole, decoded with its schema. Each opening is audited, for records
// hold addresses and texts.
import { writeAudit } from '../audit.ts';
import { explainCode } from '../kafka/dead-letter-words.ts';
import { isHiddenRecord } from '../kafka/hidden-record.ts';
import { hideConfidential, hideHeaders } from '../kafka/hide-confidential.ts';
import { toTree } from '../kafka/json-tree.ts';
import { toKeyText } from '../kafka/key-text.ts';
import { type OpenedRecord, openRecord } from '../kafka/open-record.ts';
import { toRecordFacts } from '../kafka/record-facts.ts';
import { createSchemaDirectory, type SchemaDirectory } from '../kafka/schema-facts.ts';
import { findTopic } from '../kafka/topic-directory.ts';
import { page } from '../page.ts';
import { PageError } from '../page-error.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { findAction } from '../queries/dead-letters.ts';
import { queryChoice } from '../query.ts';
import { requireAbility } from '../roles.ts';
import { requireTopic } from './records.ts';

/** Longer texts are downloaded, not copied. */
const maxCopyLength = 256 * 1024;

export function recordsOne(app: AdminApp, parts: Parts): void {
  const schemas = createSchemaDirectory(parts.config.registryUrl);
  app.get('/topics/:topic/:partition{\\d{1,5}}/:offset{\\d{1,18}}', (c) => show(c, parts, schemas));
}

async function show(c: AdminContext, parts: Parts, schemas: SchemaDirectory): Promise<Response> {
  requireAbility(c, 'operate');
  const topic = requireTopic(c, parts);
  const partition = Number(c.req.param('partition'));
  const offset = BigInt(c.req.param('offset') ?? '0');
  const range = (await parts.records.ranges(topic.name)).find((one) => one.partition === partition);
  if (!range) throw new PageError(404, `The topic ${topic.name} has no partition ${partition}.`);
  const around = {
    previous: offset > range.low && offset <= range.high ? String(offset - 1n) : undefined,
    next: offset + 1n < range.high && offset >= range.low - 1n ? String(offset + 1n) : undefined,
    first: String(range.low),
    last: range.high > range.low ? String(range.high - 1n) : undefined,
  };
  const where = { topic, partition, offset: String(offset), around };
  const stored = await parts.records.read(topic.name, partition, String(offset));
  if (!stored) {
    const why = offset < range.low ? 'gone' : offset >= range.high ? 'not yet' : 'marker';
    return page(c, parts, 'records/gone', { title: 'No such record', ...where, why }, 404);
  }

  const record = await openRecord(parts, stored);
  const facts = toRecordFacts(record);
  const { content, cause } = record;
  const isHidden = await isHiddenRecord(parts.db, record);
  const event = content.kind === 'event' ? (isHidden ? hideConfidential(content.event) : content.event) : undefined;
  await writeAudit(
    parts.db,
    c,
    'record.opened',
    `record ${topic.name}/${partition}/${offset}`,
    toAuditDetail(facts, isHidden),
  );
  const headers = isHidden ? hideHeaders(stored.headers) : stored.headers;
  const json = JSON.stringify(toJson(record, event, headers), null, 2);
  if (queryChoice(c, 'as', ['json']) === 'json') return download(c, json, `${topic.name}-${partition}-${offset}.json`);
  return page(c, parts, 'records/one', {
    title: `${topic.name} ${partition} / ${offset}`,
    ...where,
    stored,
    key: toKeyText(stored.key),
    headers: Object.entries(headers),
    content,
    cause,
    causeWords: cause && explainCode(cause.errorCode),
    original: cause && findTopic(parts.topics, cause.originalTopic)?.name,
    letterId: topic.stage && `${topic.name}/${partition}/${offset}`,
    letterAction: topic.stage && (await findAction(parts.db, { topic: topic.name, partition, offset: Number(offset) })),
    facts,
    isHidden,
    schema: content.kind === 'event' ? await schemas.find(content.schemaId, content.topic.subject) : undefined,
    tree: event && toTree(event),
    json: json.length <= maxCopyLength ? json : undefined,
  });
}

function toAuditDetail({ notificationId, requestId, userId }: ReturnType<typeof toRecordFacts>, isHidden: boolean) {
  return {
    ...(notificationId && { notification: notificationId }),
    ...(requestId && { request: requestId }),
    ...(userId && { person: userId }),
    ...(isHidden && { shown: 'without what is confidential' }),
  };
}

/** What cannot be read may be anything, also of a confidential template. */
function toJson(
  { stored, content }: OpenedRecord,
  event: Readonly<Record<string, unknown>> | undefined,
  headers: Readonly<Record<string, string>>,
) {
  const { topic, partition, offset, timestampMs, key } = stored;
  const place = {
    topic,
    partition,
    offset,
    time: new Date(timestampMs).toISOString(),
    key: toKeyText(key) ?? null,
    headers,
  };
  if (content.kind === 'event')
    return { ...place, schema_id: content.schemaId, record: content.topic.record, value: event };
  if (content.kind !== 'undecodable') return { ...place, value: null };
  return { ...place, not_decoded: content.reason, value: 'confidential', value_bytes: stored.valueBytes };
}

function download(c: AdminContext, json: string, name: string): Response {
  c.header('content-type', 'application/json; charset=utf-8');
  c.header('content-disposition', `attachment; filename="${name.replace(/[^A-Za-z0-9._-]/g, '_')}"`);
  return c.body(json);
}
