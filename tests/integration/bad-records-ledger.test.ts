// Records that decode and are poison all the same: one of them must not fail the statement that hundreds share.
import { expect, it } from 'vitest';
import { createMetrics } from '../../lib/metrics.ts';
import { createTopics } from '../../lib/topics.ts';
import { createDispatchStage } from '../../services/dispatcher/dispatch-stage.ts';
import { createDispatcherMetrics } from '../../services/dispatcher/dispatcher-metrics.ts';
import { createOutcomesStage } from '../../services/dispatcher/outcomes.ts';
import { useDispatcherLab } from '../support/dispatcher-lab.ts';
import { rendered, renderedMany } from '../support/ledger-lab.ts';
import { outcome } from '../support/ledger-steps.ts';
import { startLyingMailServer } from '../support/lying-mail-server.ts';

const openLab = useDispatcherLab();
const topics = createTopics();
const around = { signal: new AbortController().signal, heartbeat: async () => {} };

function toIncoming<E>(event: E, at: number, key = 'k') {
  return { event, key, traceparent: undefined, topic: 't', partition: 0, offset: String(at), timestampMs: Date.now() };
}

it('the honest messages of a slice are sent, whatever stands beside them', async () => {
  const server = await startLyingMailServer();
  server.behave = () => ({ kind: 'reply', to: 'RCPT', with: '450 4.7.1 later' });
  const lab = await openLab({ smtpUrl: server.smtpUrl });
  const lane = topics.lanes.dispatcher.find((one) => one.input === topics.rendered.low);
  if (!lane) throw new Error('there is a low lane');
  const stage = createDispatchStage(lane, lab.lane);
  const poison = [
    rendered({ address: `${'a'.repeat(200_000)}@b.example` }),
    rendered({ address: 'a\0@b.example' }),
    rendered({ template_id: '\0' }),
    rendered({ user_id: 'x'.repeat(5_000) }),
    rendered({ expires_at: 9e15 }),
  ];
  const honest = renderedMany(5);
  const incoming = [
    ...poison.map((event, at) => toIncoming(event, at)),
    // A key is no part of the record: it is left out, and its message waits like the others.
    ...honest.map((event, at) => toIncoming(event, 10 + at, 'a\0key')),
  ];
  const { refused } = await stage.handle({ incoming, ...around });
  expect(refused.map(({ error }) => error)).toMatchObject(Array(5).fill({ code: 'record_invalid' }));
  expect(await lab.counters()).toEqual({ 'deferred greylisted': 5 });
  expect(await lab.waitingCount()).toBe(5);
});

it('the honest outcomes of a slice are taken, whatever stands beside them', async () => {
  const lab = await openLab({ smtpUrl: 'smtp://127.0.0.1:9' });
  const metrics = createDispatcherMetrics(createMetrics('dispatcher'));
  const stage = createOutcomesStage(topics.lanes.outcomes, { ledger: lab.ledger, metrics });
  const poison = [{ reason: 'a\0' }, { stage: '\0' }, { detail: '\0' }, { request_id: 'no uuid' }, { ended_at: -5 }];
  const incoming = [
    ...poison.map((change, at) => toIncoming({ ...outcome(rendered()), ...change }, at)),
    ...renderedMany(3).map((event, at) => toIncoming(outcome(event), 10 + at)),
  ];
  const { refused } = await stage.handle({ incoming, ...around });
  expect(refused.length).toBe(5);
  expect(await lab.counters()).toEqual({ 'skipped no_consent': 3 });
});
