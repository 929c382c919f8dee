// What cannot be handled ends with its cause where people find it, and holds up nobody: bad records go to the dead
// letters, a template that fails and people who cannot be reached end as outcomes.
import { afterAll, beforeAll, expect, it } from 'vitest';
import { findReachable, type Reachable } from '../support/people.ts';
import { toRequestRecord } from '../support/request-record.ts';
import { type System, startSystem } from '../support/system.ts';
import { addTemplate } from '../support/templates.ts';

let system: System;
let person: Reachable;

beforeAll(async () => {
  system = await startSystem({ name: 'bad-records', infrastructure: 'shared' });
  const [found] = findReachable(1);
  if (!found) throw new Error('there is nobody');
  person = found;
  for (const [index, [, parts]] of broken.entries()) {
    await addTemplate(system.db, { templateId: `broken-${index}`, ...parts });
  }
});

afterAll(async () => {
  await system?.stop();
});

const good = (changes: object = {}) => toRequestRecord({ template_id: 'welcome', user_ids: [person.id], ...changes });
const encode = (record: ReturnType<typeof good>) => system.kafka.codec.encode(system.kafka.topics.requests, record);
const withSchemaId = (id: number) => {
  const value = Buffer.from(encode(good()));
  value.writeUInt32BE(id, 1);
  return value;
};
/** The id of a schema that is registered, but for another topic. */
const foreignSchemaId = async () => {
  const subject = system.kafka.topics.outcomes.subject;
  const answer = await fetch(`${system.launched.env.SCHEMA_REGISTRY_URL}/subjects/${subject}/versions/latest`);
  return ((await answer.json()) as { id: number }).id;
};
const head = () => encode(good()).subarray(0, 5);

/** What is wrong, its bytes, and the code its dead letter must carry. */
const bad: [string, () => Buffer | Promise<Buffer>, RegExp][] = [
  ['text that is no Avro', () => Buffer.from('{"event": {}}'), /^not_avro$/],
  ['an empty value', () => Buffer.alloc(0), /^empty$/],
  ['a schema id that nobody knows', () => withSchemaId(999_999), /^schema_unknown$/],
  ['a schema id of another topic', async () => withSchemaId(await foreignSchemaId()), /^schema_not_of_subject$/],
  ['a length of gigabytes in six bytes', () => Buffer.concat([head(), Buffer.from('feffffff0f', 'hex')]), /^bounds$/],
  [
    'a crafted block count',
    // Empty request_id and template_id, priority high, not promotional, then 300,000,000 user ids.
    () => Buffer.concat([head(), Buffer.from([0, 0, 0, 0]), Buffer.from('80d88c9e02', 'hex')]),
    /^bounds$/,
  ],
  ['bytes cut off in the middle', () => encode(good()).subarray(0, 40), /^(bounds|not_avro)$/],
  ['a template that does not exist', () => encode(good({ template_id: 'no-such-template' })), /^template_unknown$/],
  [
    'a context of more than 64 kB',
    () => encode(good({ context: `{"a":"${'x'.repeat(70_000)}"}` })),
    /^context_invalid$/,
  ],
  ['a context that is no object', () => encode(good({ context: '[1, 2]' })), /^context_invalid$/],
  ['nobody to send to', () => encode(good({ user_ids: [] })), /^no_audience$/],
  ['more than 10,000 people', () => encode(good({ user_ids: Array(10_001).fill(person.id) })), /^too_many_users$/],
  ['a request id that is no UUID', () => encode(good({ request_id: 'order-17' })), /^request_id_invalid$/],
];

it.each(bad)('puts %s aside with its cause, and handles the next record', async (what, toValue, code) => {
  const { topics, produce, untilDeadLetter } = system.kafka;
  const value = await toValue();
  const next = good();
  // One key: both are in one partition, one behind the other.
  const headers = { 'x-origin': what };
  await produce(topics.requests.name, [
    { key: 'one-partition', value, headers },
    { key: 'one-partition', value: encode(next) },
  ]);
  expect(await system.ingest.untilDone(next.request_id)).toMatchObject({ sent: 1 });

  const letter = await untilDeadLetter(({ headers }) => headers['x-origin']?.toString() === what, what);
  expect(letter.topic).toBe(topics.deadLetters.planner.name);
  expect(letter.key).toBe('one-partition');
  expect(letter.value?.equals(value)).toBe(true);
  expect(letter.cause).toMatchObject({ originalTopic: topics.requests.name, stage: 'planner' });
  expect(letter.cause.originalOffset).toMatch(/^\d+$/);
  expect(letter.cause.errorCode).toMatch(code);
  expect(letter.cause.errorMessage.length).toBeGreaterThan(10);
});

it('passes over a record without a value, without a dead letter', async () => {
  const { topics, produce, deadLetters } = system.kafka;
  const next = good();
  await produce(topics.requests.name, [
    { key: 'tombstone', value: null },
    { key: 'tombstone', value: encode(next) },
  ]);
  await system.ingest.untilDone(next.request_id);
  expect(deadLetters.filter(({ key }) => key === 'tombstone')).toEqual([]);
});

it('says of a request that was put aside that it is rejected, and why', async () => {
  const record = good({ template_id: 'no-such-template' });
  await system.kafka.request([record]);
  const isRejected = ({ state }: { state: string }) => state === 'rejected';
  const rejected = await system.ingest.untilRequest(record.request_id, isRejected, 'is rejected');
  expect(rejected).toMatchObject({ planned: 0, planning_complete: true });
  expect(rejected.detail).toContain('no-such-template');
});

it('puts another body under a known request id aside, and keeps to the first', async () => {
  const first = good();
  await system.kafka.request([first]);
  await system.ingest.untilDone(first.request_id);
  await system.kafka.request([{ ...first, user_ids: [...findReachable(3).map(({ id }) => id)] }]);
  await system.kafka.untilDeadLetter(
    ({ key, cause }) => key === first.request_id && cause.errorCode === 'request_conflict',
    'another body',
  );
  expect(await system.ingest.findRequest(first.request_id)).toMatchObject({ planned: 1, sent: 1, state: 'done' });
});

const broken: [string, { subject?: string; html: string }, string, RegExp][] = [
  ['does not parse', { html: '<p>\n  Hello {% if first_name %}' }, 'template_error', /^html line 2, column 9: /],
  [
    'names a filter that does not exist',
    { html: '<p>{{ first_name | shout }}</p>' },
    'template_error',
    /line 1, column \d+/,
  ],
  [
    'fails in its subject',
    { subject: '{{ a | times: }} {% endfor %}', html: '<p>x</p>' },
    'template_error',
    /^subject .*line 1, column \d+/,
  ],
  [
    'never ends',
    { html: '<p>\n{% for i in (1..90000000) %}{{ i }}{% endfor %}</p>' },
    'render_limit',
    /^html line 2, column \d+/,
  ],
];

it.each(broken)(
  'fails the people of a template that %s, with line and column',
  async (what, _parts, reason, detail) => {
    const templateId = `broken-${broken.findIndex(([name]) => name === what)}`;
    const healthy = good({ priority: 'medium' });
    const requestId = await system.ingest.send({ template_id: templateId, user_ids: [person.id] });
    await system.kafka.request([healthy]);
    expect(await system.ingest.untilDone(requestId)).toMatchObject({
      planned: 1,
      failed: 1,
      reasons: [{ state: 'failed', reason, count: 1 }],
    });
    const [listed] = await system.ingest.listNotifications({ request_id: requestId, state: 'failed' });
    expect(listed).toMatchObject({ user_id: person.id, state: 'failed', reason });
    const { detail: told, journey } = await system.ingest.findNotification(listed?.notification_id ?? '');
    expect(told).toMatch(detail);
    expect(journey.at(-1)).toMatchObject({ stage: 'renderer', outcome: 'failed', reason });
    expect(await system.ingest.untilDone(healthy.request_id)).toMatchObject({ sent: 1 });
  },
);

it('leaves every service running', () => {
  expect(system.lines.filter((line) => /died/.test(line))).toEqual([]);
});
