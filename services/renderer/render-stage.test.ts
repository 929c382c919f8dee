import { describe, expect, it, vi } from 'vitest';
import type { TemplateVersion } from '../../content/template.ts';
import type { NotificationEnriched } from '../../lib/events.ts';
import type { Incoming } from '../../lib/kafka/stage.ts';
import { createTopics } from '../../lib/topics.ts';
import type { RenderLane } from './render-lane.ts';
import { createRenderStage } from './render-stage.ts';
import { createSliceWeight } from './slice-weight.ts';
import { toTemplateKey } from './work.ts';

const now = Date.UTC(2026, 10, 23, 12);
const topics = createTopics('');
const welcome: TemplateVersion = {
  templateId: 'welcome',
  version: 1,
  channel: 'email',
  subject: '',
  html: '',
  text: '',
  fromName: null,
  replyTo: null,
};
const incoming = (changes: Partial<NotificationEnriched> = {}): Incoming<NotificationEnriched> => ({
  event: {
    is_test: false,
    notification_id: '0a1b2c3d-0000-8000-8000-000000000003',
    request_id: '0a1b2c3d-0000-4000-8000-000000000001',
    chunk_id: '0a1b2c3d-0000-8000-8000-000000000002',
    user_id: 'ada',
    priority: 'high',
    channel: 'email',
    template_id: 'welcome',
    template_version: 1,
    is_promo: false,
    on_no_answer: 'resend',
    address: 'ada@example.com',
    first_name: 'Ada',
    last_name: 'Lovelace',
    collected: '{"a":1}',
    context: '{"b":2}',
    requested_at: now,
    planned_at: now,
    enriched_at: now,
    expires_at: null,
    ...changes,
  },
  key: 'ada',
  traceparent: '00-trace',
  topic: topics.enriched.high.name,
  partition: 0,
  offset: '1',
  timestampMs: now,
});

const createStage = () => {
  const render = vi.fn<RenderLane['render']>(async (jobs) =>
    jobs.map(({ person }) => ({ kind: 'message', message: { subject: person.firstName, text: '', html: null } })),
  );
  const load = vi.fn(async () => new Map([[toTemplateKey(welcome), welcome]]));
  const lane = topics.lanes.renderer.find(({ name }) => name === 'high');
  if (!lane) throw new Error('no lane');
  const weight = createSliceWeight();
  const remember = vi.fn(async () => {});
  const renderLane = { render, stop: async () => {} };
  return {
    stage: createRenderStage({
      lane,
      outputs: topics.rendered,
      templates: { load },
      renderLane,
      weight,
      unsubscribeUrlOf: ({ is_promo, user_id }) => (is_promo ? `https://example.com/u/${user_id}` : null),
      remember,
      now: () => now,
    }),
    remember,
    render,
    load,
  };
};
const signal = new AbortController().signal;

describe('the stage', () => {
  it('renders a slice in one go and forwards each message to its priority, keyed by person', async () => {
    const { stage, render, load } = createStage();
    const slice = [incoming(), incoming({ user_id: 'bob', first_name: 'Bob' })];
    const facts = await stage.load(slice, signal);
    expect(load).toHaveBeenCalledTimes(1);
    expect(render).toHaveBeenCalledTimes(1);
    expect(render.mock.calls[0]?.[0]).toMatchObject([
      {
        requestId: '0a1b2c3d-0000-4000-8000-000000000001',
        person: { collected: '{"a":1}', context: '{"b":2}', firstName: 'Ada', lastName: 'Lovelace' },
      },
      { person: { firstName: 'Bob' } },
    ]);
    expect(slice.map((one) => stage.transform(one, facts, now))).toMatchObject([
      {
        forward: [{ topic: topics.rendered.high, key: 'ada', traceparent: '00-trace', event: { subject: 'Ada' } }],
        outcomes: [],
      },
      { forward: [{ key: 'bob', event: { subject: 'Bob' } }], outcomes: [] },
    ]);
  });

  it('gives the address to unsubscribe at to the rendering and to the record, each person their own', async () => {
    const { stage, render } = createStage();
    const slice = [incoming({ is_promo: true }), incoming({ user_id: 'bob', is_promo: true }), incoming()];
    const facts = await stage.load(slice, signal);
    const urls = ['https://example.com/u/ada', 'https://example.com/u/bob', null];
    expect(render.mock.calls[0]?.[0].map(({ unsubscribeUrl }) => unsubscribeUrl)).toEqual(urls);
    const forwarded = slice.map((one) => stage.transform(one, facts, now).forward[0]?.event.unsubscribe_url);
    expect(forwarded).toEqual(urls);
  });

  it('skips what has expired, without rendering it', async () => {
    const { stage, render } = createStage();
    const expired = incoming({ expires_at: now });
    const facts = await stage.load([expired], signal);
    expect(render.mock.calls[0]?.[0]).toEqual([]);
    expect(stage.transform(expired, facts, now)).toMatchObject({
      forward: [],
      outcomes: [{ state: 'skipped', reason: 'expired', stage: 'renderer' }],
    });
  });

  it('asks the runtime to try again what did not fit into the slice', async () => {
    const { stage, render } = createStage();
    render.mockResolvedValueOnce([{ kind: 'postponed' }]);
    const one = incoming();
    const facts = await stage.load([one], signal);
    expect(() => stage.transform(one, facts, now)).toThrowError(
      expect.objectContaining({ name: 'TransientError', code: 'slice_full' }),
    );
  });

  it('refuses a record whose template version does not exist, and one for another channel', async () => {
    const { stage } = createStage();
    const slice = [incoming({ template_version: 9 }), incoming({ channel: 'sms' }), incoming()];
    const facts = await stage.load(slice, signal);
    const [unknown, mismatched, fine] = slice;
    if (!unknown || !mismatched || !fine) throw new Error('no slice');
    expect(() => stage.transform(unknown, facts, now)).toThrowError(
      expect.objectContaining({ code: 'template_unknown', message: "template 'welcome' has no version 9" }),
    );
    expect(() => stage.transform(mismatched, facts, now)).toThrowError(
      expect.objectContaining({ code: 'channel_mismatch' }),
    );
    expect(stage.transform(fine, facts, now).forward).toHaveLength(1);
  });

  it('refuses a record that the ledger could not hold, tells no outcome of it, and renders the ones beside it', async () => {
    const { stage, load } = createStage();
    const broken = [
      { notification_id: 'n' },
      { request_id: '' },
      { chunk_id: 'c' },
      { user_id: 'a b' },
      { template_id: 'a\0' },
      { enriched_at: 9e15 },
    ].map(incoming);
    const fine = incoming();
    const facts = await stage.load([...broken, fine], signal);
    expect(load).toHaveBeenCalledWith([{ templateId: 'welcome', version: 1 }]);
    for (const one of broken) {
      expect(() => stage.transform(one, facts, now)).toThrowError(expect.objectContaining({ code: 'record_invalid' }));
      expect(stage.fail(one.event, { code: 'record_invalid', message: 'poison' }, now)).toEqual([]);
    }
    expect(stage.transform(fine, facts, now).forward).toHaveLength(1);
  });
});
