// What the gateway remembers: the last messages, newest first, and which idempotency keys it has delivered.
import { createHash } from 'node:crypto';
import { countSmsParts, type SmsParts } from './sms-parts.ts';

export interface SmsMessage {
  id: string;
  to: string;
  text: string;
  idempotency_key: string;
  encoding: SmsParts['encoding'];
  parts: number;
  /** ISO 8601, UTC */
  received_at: string;
}

export type NewSms = Pick<SmsMessage, 'to' | 'text' | 'idempotency_key'>;

export interface SmsStore {
  /** Keeps the message unless its key has been delivered before; the answer is the same either way. */
  accept(message: NewSms): { id: string };
  /** Newest first. */
  list(filter: { to?: string | undefined; limit: number }): SmsMessage[];
  /** @returns how many messages were shown until now; keys stay known */
  clear(): number;
  /** Since the start or the last clearing: messages delivered, those of them still kept, calls that repeated a known key. */
  counts(): { total: number; kept: number; repeats: number };
}

export interface SmsStoreOptions {
  now: () => Date;
  messageLimit?: number;
  keyLimit?: number;
}

export function createSmsStore({ now, messageLimit = 10_000, keyLimit = 500_000 }: SmsStoreOptions): SmsStore {
  const ring: SmsMessage[] = [];
  const delivered = new Set<string>();
  let total = 0;
  let repeats = 0;

  return {
    accept(message) {
      const id = toMessageId(message.idempotency_key);
      if (delivered.has(id)) {
        repeats++;
        return { id };
      }
      delivered.add(id);
      // A Set lists in order of insertion: the first is the oldest.
      if (delivered.size > keyLimit) delivered.delete(delivered.values().next().value ?? id);
      const { encoding, count: parts } = countSmsParts(message.text);
      ring[total % messageLimit] = { id, ...message, encoding, parts, received_at: now().toISOString() };
      total++;
      return { id };
    },
    list({ to, limit }) {
      const found: SmsMessage[] = [];
      for (let age = 1; age <= ring.length && found.length < limit; age++) {
        const message = ring[(total - age) % messageLimit];
        if (message !== undefined && (to === undefined || message.to === to)) found.push(message);
      }
      return found;
    },
    clear() {
      const cleared = ring.length;
      ring.length = 0;
      total = 0;
      repeats = 0;
      return cleared;
    },
    counts: () => ({ total, kept: ring.length, repeats }),
  };
}

/** Computed from the key, so that a repeated call is given the same id however long ago the first was. */
function toMessageId(idempotencyKey: string): string {
  return `sms-${createHash('sha256').update(idempotencyKey).digest('hex').slice(0, 24)}`;
}
