import { describe, expect, it } from 'vitest';
import { createArrivalLog } from './arrivals.ts';

const mail = (header: string, bytes = 10) => ({ header, recipients: ['a@b'], raw: Buffer.alloc(bytes) });

describe('the arrivals of the sink', () => {
  it('tells doubled mails and mails without an id', () => {
    const log = createArrivalLog();
    for (const header of ['Message-ID: <1@x>', 'Message-ID: <2@x>', 'Message-ID: <1@x>', 'Subject: none']) {
      log.add(mail(header), 5);
    }
    expect(log.read({ times: false })).toMatchObject({
      mailCount: 4,
      distinctCount: 2,
      withoutIdCount: 1,
      meanBytes: 10,
    });
  });

  it('keeps the first arrival of each marked mail apart from the times of all others', () => {
    const log = createArrivalLog();
    log.reset('X-Urgent');
    log.add(mail('Message-ID: <1@x>\r\nX-Urgent: yes'), 10);
    log.add(mail('Message-ID: <2@x>'), 20);
    log.add(mail('Message-ID: <1@x>\r\nX-Urgent: yes'), 30);
    expect(log.read({ times: true })).toMatchObject({ marked: { 1: 10 }, unmarkedAtMs: [20], markedCount: 1 });
  });

  it('begins anew after a reset', () => {
    const log = createArrivalLog();
    log.add(mail('Message-ID: <1@x>'), 10);
    log.reset('');
    expect(log.read({ times: true })).toMatchObject({ mailCount: 0, distinctCount: 0, unmarkedAtMs: [] });
    expect(log.lastMail()).toBeUndefined();
  });
});
