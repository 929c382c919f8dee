// Every reply of a real server that Posthorn knows, from the server's mouth to the ledger: what becomes of the message, of
// its address, and of everybody else.
import { expect, it } from 'vitest';
import { useDispatcherLab } from '../support/dispatcher-lab.ts';
import { rendered, renderedMany } from '../support/ledger-lab.ts';
import { startLyingMailServer } from '../support/lying-mail-server.ts';
import { type KnownReply, knownReplies } from '../support/smtp-replies.ts';

const openLab = useDispatcherLab();

it('fails and suppresses whom a reply speaks of, and nobody for what speaks of us or of the server', async () => {
  // Before RCPT nobody is named: no single message can be answered there.
  const replies = knownReplies.filter(({ to }) => to !== 'MAIL');
  const trials = replies.map((known, at) => ({ known, event: rendered({ address: `r${at}@people.example` }) }));
  const byAddress = new Map(trials.map(({ known, event }) => [event.address, known]));
  // With pipelining its own next commands would cut off what a server says before it hangs up.
  const server = await startLyingMailServer({ pipelining: false });
  server.interrupt = (moment, recipient) => {
    const known = byAddress.get(recipient);
    return known?.to === moment ? { say: known.says, close: known.says.startsWith('421') } : undefined;
  };
  // One after the other, each with a sound one behind it: no run of refusals says that the server is down.
  const lab = await openLab({ smtpUrl: server.smtpUrl, connections: 1 });
  const others = renderedMany(trials.length);
  await lab.dispatch(trials.flatMap(({ event }, at) => [event, ...others.slice(at, at + 1)]));

  const became = await Promise.all(
    trials.map(async ({ known, event }) => `${known.says} → ${await lab.stateOf(event)}`),
  );
  expect(became).toEqual(trials.map(({ known }) => `${known.says} → ${toExpected(known)}`));
  expect((await lab.counters()).sent, 'everybody else').toBe(others.length);
  const suppressed = await lab.db.selectFrom('suppressions').select('address').orderBy('address').execute();
  const dead = trials.filter(({ known }) => known.isDead).map(({ event }) => event.address);
  expect(suppressed.map(({ address }) => address)).toEqual(dead.sort());
  await lab.dispatch(renderedMany(1));
  expect((await lab.counters()).sent, 'the lane is ready').toBe(others.length + 1);
});

function toExpected({ says, about, reason }: KnownReply): string {
  const isOurs = about === 'sender' || about === 'host' || about === 'transport';
  if (!isOurs && says.startsWith('5')) return `failed ${reason ?? 'refused'} 1`;
  return /gr[ea]ylist/i.test(says) ? 'deferred greylisted 1' : 'deferred busy 1';
}
