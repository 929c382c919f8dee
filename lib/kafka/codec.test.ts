import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import avsc from 'avsc';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DependencyError, PermanentError } from '../errors.ts';
import { type NotificationRequested, recordSchemas } from '../events.ts';
import { createTopics, recordTopics } from '../topics.ts';
import { createCodec } from './codec.ts';

const topics = createTopics();
const topic = topics.requests;
const event: NotificationRequested = {
  test: null,
  request_id: 'r',
  template_id: 'welcome',
  priority: 'high',
  is_promo: false,
  user_ids: ['1', '2'],
  user_categories: [],
  context: '{}',
  requested_at: 1_790_000_000_000,
  scheduled_at: null,
  expires_at: 1_790_000_000_001,
};

/** A registry by Confluent's API, in memory; `questions` counts what it was asked. */
async function startRegistry(options: { empty?: boolean; authorization?: string } = {}) {
  const subjects = new Map<string, Set<string>>();
  const schemas: string[] = [];
  const state = { questions: 0, answer: undefined as { status: number; text: string } | undefined };
  const register = (subject: string, schema: string): number => {
    if (!schemas.includes(schema)) schemas.push(schema);
    subjects.set(subject, (subjects.get(subject) ?? new Set()).add(schema));
    return schemas.indexOf(schema) + 1;
  };
  if (!options.empty) for (const { subject, record } of recordTopics(topics)) register(subject, recordSchemas[record]);
  const server = createServer(async (request, response) => {
    state.questions += 1;
    const answer = (status: number, body: unknown) => response.writeHead(status).end(JSON.stringify(body));
    if (state.answer) return response.writeHead(state.answer.status).end(state.answer.text);
    if (options.authorization && request.headers.authorization !== options.authorization) return answer(401, {});
    const id = /^\/base\/schemas\/ids\/(\d+)$/.exec(request.url ?? '')?.[1];
    if (id !== undefined) {
      const schema = schemas[Number(id) - 1];
      return schema ? answer(200, { schema }) : answer(404, { error_code: 40403 });
    }
    const subject = decodeURIComponent(/^\/base\/subjects\/([^/]+)$/.exec(request.url ?? '')?.[1] ?? '');
    const { schema } = JSON.parse(await textOf(request)) as { schema: string };
    if (!subjects.get(subject)?.has(schema)) return answer(404, { error_code: 40403 });
    return answer(200, { subject, id: schemas.indexOf(schema) + 1, schema });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { host: `127.0.0.1:${(server.address() as AddressInfo).port}/base`, register, state };
}

async function textOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of request) text += part;
  return text;
}

async function preparedCodec(options: { unknownForMs?: number } = {}) {
  const registry = await startRegistry();
  const codec = createCodec({ registryUrl: `http://${registry.host}`, topics, ...options });
  await codec.prepare();
  return { registry, codec };
}

const framed = (id: number, body: Buffer): Buffer => {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(id, 1);
  return Buffer.concat([head, body]);
};
const codeOf = (error: unknown) => (error instanceof PermanentError ? error.code : error);

describe('the codec', () => {
  it("writes Confluent's wire format and reads it back as a plain object", async () => {
    const { codec, registry } = await preparedCodec();
    const bytes = codec.encode(topic, event);
    expect(bytes[0]).toBe(0);
    expect(bytes.readUInt32BE(1)).toBe(registry.register(topic.subject, recordSchemas.NotificationRequested));
    const decoded = await codec.decode(topic, bytes);
    expect(decoded).toEqual(event);
    expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype);
  });

  it('writes records larger than the space it keeps, and does not mix them up', async () => {
    const { codec } = await preparedCodec();
    const large = { ...event, context: 'x'.repeat(300_000) };
    const [first, second] = [codec.encode(topic, large), codec.encode(topic, event)];
    expect(await codec.decode(topic, first)).toEqual(large);
    expect(await codec.decode(topic, second)).toEqual(event);
  });

  it('asks the registry once for each schema, also when many records wait for the answer', async () => {
    const { codec, registry } = await preparedCodec();
    const bytes = codec.encode(topic, event);
    const asked = registry.state.questions;
    expect(codec.decodeKnown(topic, bytes)).toBeUndefined();
    await Promise.all(Array.from({ length: 50 }, () => codec.decode(topic, bytes)));
    expect(codec.decodeKnown(topic, bytes)).toEqual(event);
    expect(registry.state.questions - asked).toBe(2);
  });

  it('reads what a producer with another version of the schema wrote', async () => {
    const { codec, registry } = await preparedCodec();
    const schema = JSON.parse(recordSchemas.NotificationRequested) as { fields: { name: string }[] };
    schema.fields = schema.fields.filter(({ name }) => name !== 'is_promo' && name !== 'expires_at');
    const table = { type: 'map', values: 'string' };
    schema.fields.unshift({ name: 'added', type: table, default: {} } as { name: string });
    const id = registry.register(topic.subject, JSON.stringify(schema));
    const writer = avsc.Type.forSchema(schema as never);
    const added = JSON.parse('{"__proto__": "x", "a": "b"}');
    const bytes = framed(id, writer.toBuffer({ ...event, added }));
    expect(await codec.decode(topic, bytes)).toEqual({ ...event, is_promo: false, expires_at: null });
  });

  it('refuses a schema that it cannot read as the record of the topic', async () => {
    const { codec, registry } = await preparedCodec();
    const id = registry.register(topic.subject, '{"type":"record","name":"Other","fields":[]}');
    expect(codeOf(await codec.decode(topic, framed(id, Buffer.alloc(0))).catch((error) => error))).toBe(
      'schema_unusable',
    );
  });

  it("refuses a schema of another topic's subject", async () => {
    const { codec } = await preparedCodec();
    const bytes = codec.encode(topic, event);
    expect(codeOf(await codec.decode(topics.outcomes, bytes).catch((error) => error))).toBe('schema_not_of_subject');
  });

  it('refuses an unknown id, and asks for it again only after a while', async () => {
    const { codec, registry } = await preparedCodec({ unknownForMs: 100 });
    const refused = async () => codeOf(await codec.decode(topic, framed(999, Buffer.alloc(1))).catch((error) => error));
    const asked = registry.state.questions;
    const startedAt = Date.now();
    expect(await refused()).toBe('schema_unknown');
    expect(await refused()).toBe('schema_unknown');
    expect(registry.state.questions - asked).toBe(1);
    while (registry.state.questions - asked === 1) expect(await refused()).toBe('schema_unknown');
    expect(Date.now() - startedAt).toBeGreaterThanOrEqual(100);
  });

  it('says that the registry is down when it is, and blames no record', async () => {
    const { codec, registry } = await preparedCodec();
    const bytes = codec.encode(topic, event);
    for (const answer of [
      { status: 503, text: '{"message":"not now"}' },
      { status: 401, text: '{"message":"who are you?"}' },
      { status: 404, text: '<html>a proxy' },
      { status: 200, text: '<html>a proxy' },
    ]) {
      registry.state.answer = answer;
      const error = await codec.decode(topic, bytes).catch((caught) => caught);
      expect(error).toBeInstanceOf(DependencyError);
      expect(error).toMatchObject({ dependency: 'registry', message: expect.stringContaining(String(answer.status)) });
    }
    registry.state.answer = undefined;
    expect(await codec.decode(topic, bytes)).toEqual(event);
  });

  it('says that the registry is down when nobody listens', async () => {
    const codec = createCodec({ registryUrl: 'http://127.0.0.1:1', topics });
    await expect(codec.prepare()).rejects.toMatchObject({ code: 'registry_down', dependency: 'registry' });
  });

  it('names every subject that setup has not registered', async () => {
    const { host } = await startRegistry({ empty: true });
    const codec = createCodec({ registryUrl: `http://${host}`, topics });
    const error = await codec.prepare().catch((caught) => caught);
    expect(error.code).toBe('schemas_missing');
    expect(error.message).toContain('notifications.planned.low-value');
    expect(error.message).toContain('`posthorn setup`');
    expect(() => codec.encode(topic, event)).toThrow('not prepared');
  });

  it('logs in with the credentials of the URL', async () => {
    const { host } = await startRegistry({ authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}` });
    const codec = createCodec({ registryUrl: `http://me:p%40ss@${host}`, topics });
    await codec.prepare();
    expect(codec.encode(topic, event)[0]).toBe(0);
  });

  it('says which field of an event does not fit', async () => {
    const { codec } = await preparedCodec();
    const wrong = { ...event, user_ids: [7] } as unknown as NotificationRequested;
    expect(() => codec.encode(topic, wrong)).toThrow(/NotificationRequested.*"string"/);
  });

  it('has only flat records to copy, none with a map', () => {
    const allowed = ['string', 'boolean', 'int', 'long', 'null', 'enum', 'array', 'union:unwrapped'];
    for (const text of Object.values(recordSchemas)) {
      const { fields } = avsc.Type.forSchema(JSON.parse(text)) as unknown as { fields: { type: avsc.Type }[] };
      for (const { type } of fields) expect(allowed).toContain(type.typeName);
    }
  });
});
