// Ids are computed, not drawn: a redelivered, replayed or duplicate record always meets the same row.
import { hash, randomUUID } from 'node:crypto';

export type Channel = 'email' | 'sms';

/** Drawn once, at ingest, for a request without an Idempotency-Key. */
export function newRequestId(): string {
  return randomUUID();
}

/** The same key from the same API key is the same request, whichever process answers. */
export function requestIdFor(apiKeyId: string, idempotencyKey: string): string {
  return computedUuid(`request\n${apiKeyId}\n${idempotencyKey}`);
}

/** @param sequence number of the chunk within its request, from 0 */
export function chunkId(requestId: string, sequence: number): string {
  return computedUuid(`chunk\n${requestId}\n${sequence}`);
}

export function notificationId(requestId: string, userId: string, channel: Channel): string {
  return computedUuid(`notification\n${requestId}\n${userId}\n${channel}`);
}

/** A firing of a recurring mailing is a request of its own, the same whichever planner fires it. */
export function firingId(seriesId: string, plannedAtMs: number): string {
  return computedUuid(`firing\n${seriesId}\n${plannedAtMs}`);
}

/** A mailing of the system before, by its old number: importing it again meets the same row. */
export function importedMailingId(legacyNumber: number): string {
  return computedUuid(`imported mailing\n${legacyNumber}`);
}

/** Of a report (a bounce, a complaint): the same report twice is one row. @param whom an address or a notification id */
export function feedbackId(report: { type: string; whom: string; status: string; atMs: number | undefined }): string {
  return computedUuid(`feedback\n${report.type}\n${report.whom}\n${report.status}\n${report.atMs ?? ''}`);
}

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const userIdPattern = /^[A-Za-z0-9._:-]{1,64}$/;
const erasedPattern = /^erased:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Lower-case canonical form (RFC 9562 section 4); any version. */
export function isUuid(text: string): boolean {
  return uuidPattern.test(text);
}

/** The contract's user ids: 1 to 64 of A-Z a-z 0-9 . _ : - */
export function isUserId(text: string): boolean {
  return userIdPattern.test(text) && !isErasedId(text);
}

/** Stands where the id of a person stood who was erased; drawn, and nobody's. */
export function newErasedId(): string {
  return `erased:${randomUUID()}`;
}

/** Nothing is planned for it or sent to it: the person's messages have their ends. */
export function isErasedId(text: string): boolean {
  return erasedPattern.test(text);
}

/** RFC 9562 version 8: 122 bits of SHA-256. */
function computedUuid(text: string): string {
  const hex = hash('sha256', text, 'hex');
  const variant = '89ab'[Number.parseInt(hex.charAt(16), 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
