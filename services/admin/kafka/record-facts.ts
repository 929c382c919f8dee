// The few fields by which people tell records apart. Never an address, a text or a value of the context.
import type { OpenedRecord } from './open-record.ts';

export interface RecordFacts {
  requestId: string | undefined;
  chunkId: string | undefined;
  notificationId: string | undefined;
  userId: string | undefined;
  templateId: string | undefined;
  /** Of a request: only a test says one. */
  templateVersion: number | undefined;
  /** Of an outcome. */
  state: string | undefined;
  reason: string | undefined;
  /** `3 people`, `2 categories`, where it is about several. */
  people: string | undefined;
}

export function toRecordFacts({ content }: OpenedRecord): RecordFacts {
  const event = content.kind === 'event' ? content.event : {};
  const text = (name: string) => (typeof event[name] === 'string' && event[name] !== '' ? event[name] : undefined);
  const ids = listOf(event.user_ids);
  const [only] = ids;
  return {
    requestId: text('request_id'),
    chunkId: text('chunk_id'),
    notificationId: text('notification_id'),
    userId: text('user_id') ?? (ids.length === 1 && typeof only === 'string' ? only : undefined),
    templateId: text('template_id'),
    templateVersion: toVersion(event.template_version) ?? toVersion(versionOf(event.test)),
    state: text('state'),
    reason: text('reason'),
    people: [
      count(ids.length, 'person', 'people'),
      count(listOf(event.user_categories).length, 'category', 'categories'),
    ]
      .filter((part) => part !== '')
      .join(', '),
  };
}

const maxVersion = 2_147_483_647;
const toVersion = (value: unknown) =>
  Number.isInteger(value) && Number(value) <= maxVersion ? Number(value) : undefined;
const versionOf = (test: unknown): unknown =>
  typeof test === 'object' && test !== null && 'template_version' in test ? test.template_version : undefined;

const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

function count(number: number, one: string, many: string): string {
  if (number === 0) return '';
  return `${number.toLocaleString('en-US')} ${number === 1 ? one : many}`;
}
