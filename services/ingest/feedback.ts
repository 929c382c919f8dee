// The decision on POST /api/v1/feedback: what mail servers and recipients report later becomes rows, or every fault in it
// is named at once. No I/O; the rows are the store's (feedback-store.ts).
import { z } from '@hono/zod-openapi';
import { readAddress } from '../../content/address.ts';
import { feedbackId, isUuid } from '../../domain/ids.ts';
import { isStatusOfDeadAddress } from '../../domain/smtp-table.ts';
import { toFaults } from './accept.ts';
import { isTime, timeRule } from './event-schema.ts';
import type { Fault } from './problem.ts';

export const maxReports = 1_000;
/** A reporter's clock may be ahead of ours by so much. */
const clockSlackMs = 60 * 60_000;

const addressRule = 'must be an e-mail address, or a phone number such as +15550104477';
const enhancedCode = /^[45]\.\d{1,3}\.\d{1,3}$/;

const report = z
  .strictObject({
    type: z.enum(['bounce', 'complaint'], 'must be "bounce" or "complaint"'),
    address: z
      .string(addressRule)
      .max(320, addressRule)
      .transform((text) => readAddress(text.includes('@') ? 'email' : 'sms', text) ?? '')
      .refine((address) => address !== '', addressRule)
      .optional()
      .openapi({ description: 'Who it was about; this, or notification_id.', example: 'gone@example.com' }),
    notification_id: z
      .string('must be a UUID')
      .transform((text) => text.toLowerCase())
      .refine(isUuid, 'must be a UUID')
      .optional()
      .openapi({ format: 'uuid', description: 'The left part of the Message-ID; its address is known from it.' }),
    status: z
      .string('must be a text')
      .max(100, 'may have at most 100 characters')
      .regex(/^[^\p{Cc}]*$/u, 'may have no control characters')
      .optional()
      .openapi({
        description:
          'Of a bounce: its enhanced status code (RFC 3463). 5.1.1, 5.1.2, 5.1.3, 5.1.6 and 5.1.10 suppress the address; ' +
          'any other, or none, is only noted. Of a complaint: what it was called, such as `abuse`.',
        example: '5.1.1',
      }),
    at: z
      .string(timeRule)
      .refine(isTime, timeRule)
      .transform((text) => Date.parse(text))
      .optional()
      .openapi({ type: 'string', format: 'date-time', description: 'When it happened; now when left out.' }),
  })
  .openapi('Report');

export const feedbackBody = z
  .array(report, 'must be a list of reports')
  .min(1, 'must hold at least one report')
  .max(maxReports, `may hold at most ${maxReports.toLocaleString('en')} reports`);

export interface Report {
  /** Computed from what was reported: the same report twice is one row. */
  feedbackId: string;
  type: 'bounce' | 'complaint';
  notificationId: string | null;
  channel: 'email' | 'sms' | null;
  address: string | null;
  status: string;
  atMs: number;
  /** What is no longer sent to the address: after a complaint nothing promotional; null when it is only noted. */
  suppresses: 'all' | 'promotional' | null;
}

export type AcceptedFeedback = { ok: true; reports: Report[] } | { ok: false; faults: Fault[] };

/** All of it or nothing. @param body as JSON.parse gave it */
export function acceptFeedback(body: unknown, nowMs: number): AcceptedFeedback {
  const read = feedbackBody.safeParse(body);
  if (!read.success) return { ok: false, faults: toFaults(read.error, body) };
  const faults = read.data.flatMap((one, index) => findFaults(one, index, nowMs));
  return faults.length > 0
    ? { ok: false, faults }
    : { ok: true, reports: read.data.map((one) => toReport(one, nowMs)) };
}

function findFaults(one: z.output<typeof report>, index: number, nowMs: number): Fault[] {
  const faults: Fault[] = [];
  const name = (detail: string, field = '') => faults.push({ pointer: `/${index}${field}`, detail });
  if (one.address === undefined && one.notification_id === undefined) name('needs an address or a notification_id');
  if (one.address !== undefined && one.notification_id !== undefined) name('may name an address or a notification_id');
  if (one.type === 'bounce' && one.status !== undefined && !enhancedCode.test(one.status)) {
    name('must be an enhanced status code of a failure, such as 5.1.1 or 4.2.2', '/status');
  }
  if (one.at !== undefined && one.at > nowMs + clockSlackMs) name('is in the future', '/at');
  return faults;
}

function toReport({ type, ...one }: z.output<typeof report>, nowMs: number): Report {
  const { address = null, notification_id: notificationId = null, status = '', at: atMs } = one;
  const whom = address?.toLowerCase() ?? notificationId ?? '';
  return {
    feedbackId: feedbackId({ type, whom, status, atMs }),
    type,
    notificationId,
    channel: address === null ? null : address.includes('@') ? 'email' : 'sms',
    address,
    status,
    atMs: atMs ?? nowMs,
    suppresses: type === 'complaint' ? 'promotional' : isStatusOfDeadAddress(status) ? 'all' : null,
  };
}
