// The exact message of a notification: the rendered record, read back from its topic by partition and offset (or from
// what waits), and the mail that the dispatcher made of it, by the same code.
import { type MimeOptions, toMime } from '../../content/mime.ts';
import { toUnsubscribeHeaders } from '../../content/unsubscribe.ts';
import { describeError, PermanentError } from '../../lib/errors.ts';
import type { NotificationRendered } from '../../lib/events.ts';
import type { Parts } from './parts.ts';
import { findWaitingRecord, type NotificationRow } from './queries/notifications.ts';

export type SentMessage =
  | { kind: 'here'; event: NotificationRendered }
  /** It ended before it was rendered. */
  | { kind: 'never' }
  /** The topic no longer keeps it. */
  | { kind: 'gone' }
  | { kind: 'unusable'; why: string };

/** @throws DependencyError('kafka', 'registry' or 'postgres'), PageError 503 when too many records are being read */
export async function readSentMessage(
  parts: Pick<Parts, 'db' | 'records' | 'codec' | 'topics'>,
  row: NotificationRow,
): Promise<SentMessage> {
  const { rendered_partition: partition, rendered_offset: offset } = row;
  if (partition === null || offset === null) return { kind: 'never' };
  const topic = parts.topics.rendered[row.priority];
  const stored = await parts.records.read(topic.name, partition, String(offset));
  const value = stored?.value ?? (await findWaitingRecord(parts.db, row.notification_id));
  if (!value) return { kind: 'gone' };
  try {
    const event = await parts.codec.decode(topic, value);
    if (event.notification_id === row.notification_id) return { kind: 'here', event };
    // A topic that was deleted and made again begins at 0: what lies there is somebody else's.
    return { kind: 'unusable', why: 'another message lies at its place in the topic, which must have been made anew' };
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    return { kind: 'unusable', why: describeError(error) };
  }
}

export type MailHeader = readonly (readonly [name: string, value: string])[];

/**
 * The header fields of the mail, unfolded and decoded, in their order.
 * @returns the fault when no mail could be made of it, for which it then failed
 */
export function readMailHeader(
  event: NotificationRendered,
  sender: MimeOptions,
): { header: MailHeader; fault?: undefined } | { header?: undefined; fault: string } {
  try {
    const { unsubscribe_url: url } = event;
    const mail = toMime(event, url === null ? sender : { ...sender, extraHeaders: toUnsubscribeHeaders(url) });
    const text = mail.toString('latin1');
    const fields = text.slice(0, text.indexOf('\r\n\r\n')).replace(/\r\n[ \t]/g, ' ');
    return { header: fields.split('\r\n').map(readField) };
  } catch (error) {
    if (!(error instanceof PermanentError)) throw error;
    return { fault: describeError(error) };
  }
}

function readField(line: string): readonly [name: string, value: string] {
  const colon = line.indexOf(':');
  return [line.slice(0, colon), decodeWords(line.slice(colon + 1).trim())];
}

/** RFC 2047 as content/mime-headers.ts writes it; blanks between two encoded words do not count (6.2). */
function decodeWords(value: string): string {
  return value
    .replace(/\?=\s+=\?/g, '?==?')
    .replace(/=\?utf-8\?B\?([A-Za-z0-9+/=]*)\?=/g, (_word, base64: string) =>
      Buffer.from(base64, 'base64').toString('utf8'),
    );
}
