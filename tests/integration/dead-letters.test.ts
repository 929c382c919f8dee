// Dead letters in the admin pages, on real parts: listed with their cause, sent back, discarded.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notificationId } from '../../domain/ids.ts';
import type { ChunkPlanned } from '../../lib/events.ts';
import type { IHeaders } from '../../lib/kafka/client.ts';
import { writeDeadLetterCause } from '../../lib/kafka/headers.ts';
import type { StageName } from '../../lib/topics.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { auditOf } from '../support/admin-ledger.ts';
import { eventually } from '../support/eventually.ts';
import { toRequestRecord } from '../support/request-record.ts';
import { addTemplate, changeTemplate } from '../support/templates.ts';

let lab: AdminLab;
let operator: Visitor;
let producer: ReturnType<AdminLab['kafka']['producer']>;
let consumer: ReturnType<AdminLab['kafka']['consumer']>;
const arrived: { topic: string; key: string | undefined; value: Buffer | null; headers: IHeaders }[] = [];

beforeAll(async () => {
  lab = await startAdminLab();
  operator = await lab.logIn('operator');
  producer = lab.kafka.producer({ allowAutoTopicCreation: false });
  consumer = lab.kafka.consumer({ groupId: `${lab.config.kafka.topicPrefix}back`, maxWaitTimeInMs: 200 });
  await Promise.all([producer.connect(), consumer.connect()]);
  const { requests, planned } = lab.topics;
  await consumer.subscribe({ topics: [requests.name, planned.low.name], fromBeginning: true });
  await consumer.run({
    eachMessage: async ({ topic, message: { key, value, headers = {} } }) => {
      arrived.push({ topic, key: key?.toString(), value, headers });
    },
  });
});

afterAll(async () => {
  await Promise.all([producer?.disconnect(), consumer?.disconnect()]);
  await lab?.stop();
});

interface Letter {
  stage?: StageName;
  from?: string;
  key: string;
  value: Buffer | null;
  code?: string;
  headers?: IHeaders;
}

async function put(letters: readonly Letter[]): Promise<void> {
  for (const {
    stage = 'planner',
    from = lab.topics.requests.name,
    key,
    value,
    code = 'not_avro',
    headers,
  } of letters) {
    const cause = writeDeadLetterCause({
      originalTopic: from,
      originalPartition: 0,
      originalOffset: '17',
      errorCode: code,
      errorMessage: `it went wrong because of <b>${code}</b>\n    at line 2`,
      stage,
      at: Date.now(),
    });
    const messages = [{ key, value, headers: { ...headers, ...cause } }];
    await producer.send({ topic: lab.topics.deadLetters[stage].name, messages });
  }
}

/** The ids of the page's rows whose key holds this. */
async function idsOf(key: string): Promise<string[]> {
  let ids: string[] = [];
  await eventually(async () => {
    const html = await operator.page(`/dead-letters?state=all&q=${key}`);
    ids = [...html.matchAll(/name="pick" value="([^"]+)"/g)].map(([, id]) => id ?? '');
    return ids.length > 0;
  }, `the dead letter ${key} is listed`);
  return ids;
}

const back = (key: string) => arrived.filter((one) => one.key === key);
const stateOf = async (key: string) => {
  const html = await operator.page(`/dead-letters?state=all&q=${key}`);
  return [...html.matchAll(/class="pill pill-([a-z]+)"/g)].map(([, state]) => state);
};
const chunk = (changes: Partial<ChunkPlanned> = {}): ChunkPlanned => ({
  chunk_id: randomUUID(),
  request_id: randomUUID(),
  sequence: 0,
  priority: 'low',
  is_promo: false,
  template_id: 'mended',
  template_version: 1,
  template_kind: 'common',
  channel: 'email',
  on_no_answer: 'resend',
  context: '{}',
  requested_at: Date.now(),
  planned_at: Date.now(),
  expires_at: null,
  user_ids: ['anna', 'ben'],
  test_address: null,
  ...changes,
});

describe('the list of dead letters', () => {
  it('shows one within seconds, with its cause, where it stood, and a way to look inside', async () => {
    await put([{ key: 'poison-1', value: Buffer.from('{"event": {}}') }]);
    const [id] = await idsOf('poison-1');
    const html = await operator.page('/dead-letters?q=poison-1');
    expect(html).toContain('not_avro');
    expect(html).toContain('it went wrong because of &lt;b&gt;not_avro&lt;/b&gt;');
    expect(html).not.toContain('at line 2');
    expect(html).toContain(lab.topics.requests.name);
    expect(html).toContain(`href="/topics/${id}"`);
    const inside = await operator.page(`/topics/${id}`);
    expect(inside).toContain('not what the schema says');
  });

  it('filters by stage, cause, key and state, and counts by stage and cause', async () => {
    await put([
      { key: 'filter-a', value: null, code: 'bounds' },
      { key: 'filter-b', value: null, code: 'bounds' },
      { key: 'filter-c', value: null, stage: 'renderer', code: 'bug' },
    ]);
    await idsOf('filter-c');
    const listed = async (query: string) => {
      const html = await operator.page(`/dead-letters?q=filter-&${query}`);
      return [...html.matchAll(/>\s*(filter-\w)</g)].map(([, key]) => key);
    };
    expect(await listed('')).toEqual(['filter-c', 'filter-b', 'filter-a']);
    expect(await listed('stage=renderer')).toEqual(['filter-c']);
    expect(await listed('code=bounds')).toEqual(['filter-b', 'filter-a']);
    expect(await listed('state=redriven')).toEqual([]);
    expect(await listed('since=1')).toHaveLength(3);
    const html = await operator.page('/dead-letters');
    expect(html).toMatch(/stage=planner&(?:amp;)?code=bounds">bounds<\/a>[\s\S]*?<td class="num">2</);
  });

  it('is for operators and admins alone', async () => {
    const supporter = await lab.logIn('support');
    expect((await supporter.get('/dead-letters')).status).toBe(403);
    expect((await supporter.post('/dead-letters/act', { what: 'redrive-all', seen: '9e15' })).status).toBe(403);
    expect(await supporter.page('/')).not.toContain('/dead-letters');
    expect(await operator.page('/')).toContain('href="/dead-letters"');
  });
});

describe('a redrive', () => {
  it('puts key, bytes and headers back where they came from, and says who did it', async () => {
    const value = lab.codec.encode(lab.topics.requests, toRequestRecord({ template_id: 'x', user_ids: ['anna'] }));
    await put([{ key: 'back-1', value, headers: { 'x-origin': Buffer.from([0xff, 0x00, 0x41]) } }]);
    const [id = ''] = await idsOf('back-1');
    const answer = await operator.post('/dead-letters/act', { what: 'redrive', pick: id });
    expect(answer.status).toBe(303);
    await eventually(() => back('back-1').length === 1, 'the record is back');
    const [record] = back('back-1');
    expect(record?.topic).toBe(lab.topics.requests.name);
    expect(record?.value?.equals(value)).toBe(true);
    expect(Object.keys(record?.headers ?? {}).sort()).toEqual(['redrive', 'x-origin']);
    expect(record?.headers['x-origin']).toEqual(Buffer.from([0xff, 0x00, 0x41]));
    expect(record?.headers.redrive?.toString()).toBe(operator.name);
    await eventually(async () => (await stateOf('back-1'))[0] === 'redriven', 'it is listed as redriven');
    expect(await auditOf(lab.db, `record ${id}`)).toContain(`${operator.name} dead_letter.redriven`);
  });

  it('opens the deliveries of everybody in a chunk, and takes the version that is active now when told so', async () => {
    await addTemplate(lab.db, { templateId: 'mended', html: 'broken' });
    await changeTemplate(lab.db, { templateId: 'mended', html: 'whole' }, 2);
    const event = chunk();
    const value = lab.codec.encode(lab.topics.planned.low, event);
    await put([{ key: 'chunk-1', value, stage: 'enricher', from: lab.topics.planned.low.name, code: 'bug' }]);
    const [id = ''] = await idsOf('chunk-1');
    await operator.post('/dead-letters/act', { what: 'redrive', pick: id, template: 'active', reason: 'mended' });
    await eventually(() => back('chunk-1').length === 1, 'the chunk is back');
    const decoded = await lab.codec.decode(lab.topics.planned.low, back('chunk-1')[0]?.value ?? Buffer.alloc(0));
    expect(decoded).toEqual({ ...event, template_version: 2 });
    const commands = await lab.db.selectFrom('delivery_commands').selectAll().execute();
    const ids = event.user_ids.map((userId) => notificationId(event.request_id, userId, 'email')).sort();
    expect(commands.map((one) => one.notification_id).sort()).toEqual(ids);
    expect(commands[0]).toMatchObject({
      kind: 'redrive',
      reason: 'mended',
      requested_by: operator.name,
      taken_at: null,
    });
  });

  it('that cannot be done says why, and can be wanted again', async () => {
    const gone = lab.codec.encode(lab.topics.planned.low, chunk({ template_id: 'gone' }));
    await put([
      { key: 'lost-origin', value: Buffer.from('x'), from: 'somebody.elses' },
      { key: 'lost-template', value: gone, stage: 'enricher', from: lab.topics.planned.low.name },
    ]);
    const picks = [...(await idsOf('lost-origin')), ...(await idsOf('lost-template'))];
    expect(picks).toHaveLength(2);
    await operator.post('/dead-letters/act', { what: 'redrive', pick: picks, template: 'active' });
    await eventually(
      async () => (await stateOf('lost-')).filter((state) => state === 'failed').length === 2,
      'both failed',
    );
    const html = await operator.page('/dead-letters?state=failed&q=lost-');
    expect(html).toContain('does not say from which of our topics');
    expect(html).toContain('its template is archived or gone');
    await operator.post('/dead-letters/act', { what: 'redrive', pick: picks[1] ?? '' });
    await eventually(() => back('lost-template').length === 1, 'with its own version it goes back');
  });

  it('of what cannot be decoded sends it as it is, and says that it cannot be read', async () => {
    await put([{ key: 'unread-1', value: Buffer.from('no avro') }]);
    const [id = ''] = await idsOf('unread-1');
    await operator.post('/dead-letters/act', { what: 'redrive', pick: id });
    await eventually(() => back('unread-1').length === 1, 'it is back');
    expect(back('unread-1')[0]?.value?.toString()).toBe('no avro');
    await eventually(
      async () => /cannot be read now either/.test(await operator.page('/dead-letters?state=redriven&q=unread-1')),
      'it says so',
    );
  });

  it('of all that match takes those and no others, nor what came after the page was shown', async () => {
    await put(
      Array.from({ length: 120 }, (_, at) => ({ key: `many-${at}`, value: Buffer.from(`${at}`), code: 'many' })),
    );
    await put([{ key: 'many-other', value: null, code: 'other' }]);
    await idsOf('many-other');
    const html = await operator.page('/dead-letters?code=many');
    expect(html).toContain('120 dead letters are sent back');
    const seen = /name="seen" value="(\d+)"/.exec(html)?.[1] ?? '';
    await eventually(async () => {
      // Kafka's clock moves on.
      return Date.now() > Number(seen) + 5;
    }, 'a moment later');
    await put([{ key: 'many-late', value: null, code: 'many' }]);
    await idsOf('many-late');
    await operator.post('/dead-letters/act', { what: 'redrive-all', code: 'many', seen });
    await eventually(() => arrived.filter(({ key }) => key?.startsWith('many-')).length >= 120, 'all are back');
    await eventually(
      async () => (await operator.page('/dead-letters?code=many&state=redriven')).includes('120 match'),
      'done',
    );
    expect(await stateOf('many-late')).toEqual(['new']);
    expect(await stateOf('many-other')).toEqual(['new']);
    expect(new Set(arrived.filter(({ key }) => key?.startsWith('many-')).map(({ key }) => key)).size).toBe(120);
  });
});

describe('a discard', () => {
  it('needs a reason, is done at once, and is no longer counted', async () => {
    await put([{ key: 'throw-1', value: null, code: 'thrown' }]);
    const [id = ''] = await idsOf('throw-1');
    await operator.post('/dead-letters/act', { what: 'discard', pick: id });
    expect(await stateOf('throw-1')).toEqual(['new']);
    await operator.post('/dead-letters/act', { what: 'discard', pick: id, reason: 'a test of the producer' });
    expect(await stateOf('throw-1')).toEqual(['discarded']);
    const html = await operator.page('/dead-letters?state=discarded&q=throw-1');
    expect(html).toContain('a test of the producer');
    expect(await operator.page('/dead-letters')).not.toMatch(/code=thrown">/);
    expect(back('throw-1')).toEqual([]);
  });
});
