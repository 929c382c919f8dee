// A mail server that takes two connections, and three lanes with mail for it: they take turns, the high lane first.
import { expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { renderedMany } from '../support/ledger-lab.ts';
import { startLyingMailServer } from '../support/lying-mail-server.ts';
import { openDispatcher } from '../support/running-dispatcher.ts';

const delayMs = 20;

async function openNarrow() {
  const server = await startLyingMailServer({ maxConnections: 2 });
  server.behave = () => ({ kind: 'slow', delayMs });
  return { server, lab: await openDispatcher({ SMTP_URL: server.smtpUrl }) };
}

it('takes 150 mails of three lanes in little more than the time of one lane, and the urgent ones first', async () => {
  const alone = await openNarrow();
  await alone.lab.sendEvents(alone.lab.topics.rendered.low, renderedMany(10));
  await eventually(() => alone.server.taken.length === 10, 'it is warm');
  const aloneFromMs = performance.now();
  await alone.lab.sendEvents(alone.lab.topics.rendered.low, renderedMany(150));
  await eventually(() => alone.server.taken.length === 160, 'all of one lane are taken');
  const aloneMs = performance.now() - aloneFromMs;

  const { server, lab } = await openNarrow();
  await lab.sendEvents(lab.topics.rendered.low, renderedMany(10));
  await eventually(() => server.taken.length === 10, 'the low lane has both connections');
  const fromMs = performance.now();
  await lab.sendEvents(lab.topics.rendered.low, renderedMany(50));
  await lab.sendEvents(lab.topics.rendered.medium, renderedMany(50, { priority: 'medium' }));
  const urgent = renderedMany(50, { priority: 'high' });
  await lab.sendEvents(lab.topics.rendered.high, urgent);
  const urgentIds = new Set(urgent.map(({ notification_id }) => notification_id));
  let urgentMs = Number.POSITIVE_INFINITY;
  await eventually(() => {
    if (server.taken.filter(({ messageId }) => urgentIds.has(messageId)).length === 50)
      urgentMs = Math.min(urgentMs, performance.now() - fromMs);
    return server.taken.length === 160;
  }, 'all of three lanes are taken');
  const allMs = performance.now() - fromMs;
  await eventually(async () => (await lab.states()).sent === 160, 'all are settled');
  // Where lanes wait for each other's idle connections it is ten times as long.
  expect(allMs).toBeLessThan(3 * aloneMs + 1_000);
  expect(urgentMs).toBeLessThan(allMs);
  expect((await lab.ops('/readyz')).status).toBe(200);
  expect(server.taken.length).toBe(160);
});

it('gives an urgent mail a connection within two seconds while both are busy with bulk mail, and the bulk goes on', async () => {
  const { server, lab } = await openNarrow();
  await lab.sendEvents(lab.topics.rendered.low, renderedMany(500));
  await eventually(() => server.taken.length > 20, 'the low lane has both connections');
  for (let at = 0; at < 5; at++) {
    const [urgent] = renderedMany(1, { priority: 'high' });
    const fromMs = performance.now();
    await lab.sendEvents(lab.topics.rendered.high, urgent ? [urgent] : []);
    await eventually(() => server.timesTaken(urgent?.notification_id ?? '') === 1, 'it is taken');
    expect(performance.now() - fromMs).toBeLessThan(2_000);
  }
  await eventually(() => server.taken.length === 505, 'all are taken');
});
