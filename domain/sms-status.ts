// What the HTTP status of the SMS gateway speaks of, in the words of domain/smtp-reply.ts. The gateway's contract: any 2xx
// accepts; repeats are recognised by the idempotency key.
import type { About } from './smtp-reply.ts';

export interface SmsReading {
  about: About;
  says: 'accepted' | 'later' | 'refused';
  reason: 'refused' | 'too_large';
}

const table: readonly { statuses: readonly number[]; about: About; says: 'later' | 'refused'; source: string }[] = [
  { statuses: [408, 425, 429], about: 'doubt', says: 'later', source: 'RFC 9110, 15.5.9; RFC 8470; RFC 6585, 4' },
  { statuses: [413], about: 'content', says: 'refused', source: 'RFC 9110, 15.5.14' },
  { statuses: [401, 402, 403, 407], about: 'host', says: 'refused', source: 'RFC 9110: our log-in, our credit' },
  {
    statuses: [404, 405, 406, 410, 411, 415, 421, 426, 431],
    about: 'host',
    says: 'refused',
    source: 'RFC 9110: our URL',
  },
];

export function readSmsStatus(status: number): SmsReading {
  if (status >= 200 && status < 300) return { about: 'transport', says: 'accepted', reason: 'refused' };
  const row = table.find(({ statuses }) => statuses.includes(status));
  if (row) return { about: row.about, says: row.says, reason: status === 413 ? 'too_large' : 'refused' };
  // A redirect, or what is no HTTP status: not the gateway that we know.
  if (status < 400) return { about: 'host', says: 'refused', reason: 'refused' };
  if (status >= 500) return { about: 'transport', says: 'later', reason: 'refused' };
  // 400 and 422 may speak of this number, this text, or of how we ask.
  return { about: 'doubt', says: 'refused', reason: 'refused' };
}
