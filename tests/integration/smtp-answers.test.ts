// Every class of answer, from the mail server's mouth to the ledger: state, reason, attempts,
// suppression, and when it is tried again. (What is decided about each is in services/dispatcher/dispatch.test.ts.)
import { describe, expect, it } from 'vitest';
import { useDispatcherLab } from '../support/dispatcher-lab.ts';
import { rendered, renderedMany } from '../support/ledger-lab.ts';
import { startLyingMailServer } from '../support/lying-mail-server.ts';

const openLab = useDispatcherLab();

type To = 'MAIL' | 'RCPT' | 'DATA' | 'message';
interface Case {
  to: To;
  says: string;
  becomes: string;
  suppresses?: boolean;
}

/** One recipient of four gets this answer whenever it is tried; the others are taken. */
async function answerOne({ to, says }: Case) {
  // With pipelining its own next commands would cut off what a server says before it hangs up.
  const server = await startLyingMailServer({ pipelining: !says.startsWith('421') });
  const event = rendered({ address: 'bob@people.example' });
  server.interrupt = (moment, recipient) =>
    moment === to && recipient === event.address ? { say: says, close: /^421/.test(says) } : undefined;
  const lab = await openLab({ smtpUrl: server.smtpUrl });
  const others = renderedMany(3);
  await lab.dispatch([event, ...others]);
  return { lab, event, server };
}

describe('an answer about one message', () => {
  const cases: Case[] = [
    // Addresses that will never work.
    { to: 'RCPT', says: '550 5.1.2 no such domain', becomes: 'failed invalid_address 1', suppresses: true },
    { to: 'RCPT', says: '501 5.1.3 bad syntax', becomes: 'failed invalid_address 1', suppresses: true },
    { to: 'RCPT', says: '551 5.1.6 moved', becomes: 'failed invalid_address 1', suppresses: true },
    { to: 'RCPT', says: '556 5.1.10 null MX', becomes: 'failed invalid_address 1', suppresses: true },
    { to: 'message', says: '550 5.1.1 unknown', becomes: 'failed invalid_address 1', suppresses: true },
    {
      to: 'RCPT',
      says: '550-5.1.1 no such user here,\r\n550-5.1.1 really,\r\n550 5.1.1 go away',
      becomes: 'failed invalid_address 1',
      suppresses: true,
    },
    // Refused, and nothing said about the address.
    { to: 'RCPT', says: '550 5.2.1 mailbox disabled', becomes: 'failed refused 1' },
    { to: 'RCPT', says: '552 5.2.2 mailbox full', becomes: 'failed refused 1' },
    { to: 'RCPT', says: '550 5.4.1 no answer from host', becomes: 'failed refused 1' },
    { to: 'RCPT', says: '550 5.4.4 unable to route', becomes: 'failed refused 1' },
    { to: 'RCPT', says: '550 no', becomes: 'failed refused 1' },
    { to: 'message', says: '550-5.7.1 spam\r\n550 5.7.1 and more spam', becomes: 'failed refused 1' },
    { to: 'message', says: '552 too much', becomes: 'failed too_large 1' },
    { to: 'message', says: '554 5.3.4 too big', becomes: 'failed too_large 1' },
    // Later.
    { to: 'RCPT', says: '450 try again', becomes: 'deferred greylisted 1' },
    { to: 'RCPT', says: '451 4.7.1 greylisted for 300 seconds', becomes: 'deferred greylisted 1' },
    { to: 'message', says: '451 4.7.1 Greylisting in action', becomes: 'deferred greylisted 1' },
    { to: 'DATA', says: '451 4.2.0 not now', becomes: 'deferred busy 1' },
    { to: 'RCPT', says: '452 4.5.3 too many recipients', becomes: 'deferred busy 1' },
    // Of us or of the server's own state: put off when the others get through all the same.
    { to: 'RCPT', says: '550 5.1.8 bad sender', becomes: 'deferred busy 1' },
    { to: 'RCPT', says: '452 4.3.1 disk full', becomes: 'deferred busy 1' },
    { to: 'message', says: '451 4.3.0 queue full', becomes: 'deferred busy 1' },
    { to: 'RCPT', says: '421 4.7.0 closing', becomes: 'deferred busy 1' },
    { to: 'DATA', says: '421 4.3.2 shutting down', becomes: 'deferred busy 1' },
    { to: 'message', says: '421 4.3.2 shutting down', becomes: 'deferred busy 1' },
    // No reply that SMTP knows.
    { to: 'RCPT', says: 'how nice of you', becomes: 'deferred no_connection 1' },
    { to: 'RCPT', says: 'how nice\0of you', becomes: 'deferred no_connection 1' },
    { to: 'message', says: 'banana\0', becomes: 'deferred no_connection 1' },
    { to: 'message', says: 'banana', becomes: 'deferred no_connection 1' },
    { to: 'message', says: '354 go on', becomes: 'deferred no_connection 1' },
  ];
  it.each(cases)('$to: $says → $becomes', async (one) => {
    const { lab, event, server } = await answerOne(one);
    expect(await lab.stateOf(event)).toBe(one.becomes);
    expect(await lab.counters()).toEqual({ sent: 3, [one.becomes.replace(/ 1$/, '')]: 1 });
    expect(server.timesTaken(event.notification_id)).toBe(0);
    const suppressed = await lab.db.selectFrom('suppressions').select(['address', 'reason']).execute();
    expect(suppressed).toEqual(one.suppresses ? [{ address: 'bob@people.example', reason: 'invalid_address' }] : []);
    const waiting = await lab.db.selectFrom('waiting').select(['attempt', 'due_at']).execute();
    if (!one.becomes.startsWith('deferred')) {
      expect(waiting).toEqual([]);
      return;
    }
    const dueInMs = (waiting[0]?.due_at.getTime() ?? 0) - Date.now();
    expect(waiting[0]?.attempt).toBe(1);
    expect(dueInMs, 'the first retry is a minute away').toBeGreaterThan(44_000);
    expect(dueInMs).toBeLessThan(67_000);
  });

  it('of several lines that accepts is one answer', async () => {
    const server = await startLyingMailServer();
    server.behave = () => ({ kind: 'slow', delayMs: 1, with: '250-2.0.0 Ok\r\n250 2.0.0 queued as 4711' });
    const lab = await openLab({ smtpUrl: server.smtpUrl });
    await lab.dispatch(renderedMany(20));
    expect(await lab.counters()).toEqual({ sent: 20 });
    expect(server.taken.length).toBe(20);
  });
});
