// A mail server that will not let us in: our trouble, so nobody fails, no attempt is counted, and /readyz says why.
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { renderedMany } from '../support/ledger-lab.ts';
import type { LyingMailServer } from '../support/lying-mail-server.ts';
import { openDispatcher } from '../support/running-dispatcher.ts';

const cases: { name: string; says: string; begin(server: LyingMailServer): void }[] = [
  { name: 'offers no log-in', says: 'mail-server: log-in not offered', begin: () => {} },
  {
    name: 'refuses the log-in',
    says: 'mail-server: log-in refused',
    begin: (server) => {
      server.authReply = '535 5.7.8 wrong password';
    },
  },
  {
    name: 'offers no TLS',
    says: 'mail-server: no TLS',
    begin: (server) => {
      server.offersStartTls = false;
      server.authReply = '235 2.7.0 welcome';
    },
  },
];

it.each(cases)('a server that $name is waited for, with the reason in /readyz and the metrics', async (one) => {
  const lab = await openDispatcher({ SMTP_VERIFY_CERTIFICATE: 'false' }, (server) => {
    server.offersStartTls = true;
    one.begin(server);
    return { SMTP_URL: server.smtpUrl.replace('//', '//posthorn:secret@') };
  });
  await lab.sendEvents(lab.topics.rendered.low, renderedMany(20));
  const says = async () => JSON.parse((await lab.ops('/readyz')).text) as { ready: boolean; waiting_for: string[] };
  await eventually(async () => (await says()).waiting_for.includes(one.says), `/readyz says "${one.says}"`);
  expect((await lab.ops('/metrics')).text).toContain(`what="${one.says}"`);
  expect(Object.keys(await lab.states())).not.toContainEqual(expect.stringMatching(/failed|sent|unknown/));
  expect(lab.server.clearLines.join('\n')).not.toMatch(/AUTH|MAIL|RCPT/);
  lab.server.offersStartTls = true;
  lab.server.authReply = '235 2.7.0 welcome';
  await eventually(async () => (await lab.states()).sent === 20, 'all are sent');
  await eventually(async () => (await says()).ready, 'it is ready again');
  const outcomes = await lab.readEvents(lab.topics.outcomes, 20);
  expect(outcomes.every(({ state, attempt }) => state === 'sent' && attempt === 1)).toBe(true);
});
