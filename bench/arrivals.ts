// What the sink remembers of the mails it took: how many, which were doubled, when they came, and exactly when each of
// the marked ones did.
import { messageIdOf, type SinkMail } from './smtp-session.ts';

export interface Arrivals {
  mailCount: number;
  /** Mails with another Message-ID than all before them: fewer than `mailCount` when some came twice. */
  distinctCount: number;
  withoutIdCount: number;
  meanBytes: number;
  /** Milliseconds since 1970, of every unmarked mail, in the order of arrival; empty unless asked for. */
  unmarkedAtMs: readonly number[];
  unmarkedCount: number;
  markedCount: number;
  /** Message-ID up to its @ and the milliseconds since 1970 of its first arrival. */
  marked: Readonly<Record<string, number>>;
}

export interface ArrivalLog {
  add(mail: SinkMail, nowMs: number): void;
  read(wanted: { times: boolean }): Arrivals;
  lastMail(): SinkMail | undefined;
  /** Forgets everything. @param mark text that makes a mail a marked one when its header holds it; empty marks none */
  reset(mark: string): void;
}

export function createArrivalLog(): ArrivalLog {
  let mark = '';
  let ids = new Set<string>();
  let marked = new Map<string, number>();
  let unmarkedAtMs: number[] = [];
  let mailCount = 0;
  let withoutIdCount = 0;
  let byteCount = 0;
  let last: SinkMail | undefined;

  return {
    add(mail, nowMs) {
      const id = messageIdOf(mail.header);
      mailCount += 1;
      byteCount += mail.raw.length;
      last = mail;
      if (id === undefined) withoutIdCount += 1;
      else ids.add(ownCopy(id));
      if (mark === '' || !mail.header.includes(mark)) return void unmarkedAtMs.push(nowMs);
      const name = ownCopy(id?.split('@')[0] ?? '');
      if (!marked.has(name)) marked.set(name, nowMs);
    },
    read: ({ times }) => ({
      mailCount,
      distinctCount: ids.size,
      withoutIdCount,
      meanBytes: mailCount === 0 ? 0 : Math.round(byteCount / mailCount),
      unmarkedAtMs: times ? unmarkedAtMs : [],
      unmarkedCount: unmarkedAtMs.length,
      markedCount: marked.size,
      marked: times ? Object.fromEntries(marked) : {},
    }),
    lastMail: () => last,
    reset(newMark) {
      mark = newMark;
      ids = new Set();
      marked = new Map();
      unmarkedAtMs = [];
      mailCount = 0;
      withoutIdCount = 0;
      byteCount = 0;
      last = undefined;
    },
  };
}

/** A part of a string keeps the whole of it in memory: of a million mails we want the ids only. */
function ownCopy(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
