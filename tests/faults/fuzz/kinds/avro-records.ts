// Whatever bytes a record has, and whatever schema its id names: it is decoded to a plain record, or refused for good.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { PermanentError } from '../../../../lib/errors.ts';
import { recordSchemas } from '../../../../lib/events.ts';
import { createCodec } from '../../../../lib/kafka/codec.ts';
import { createTopics, recordTopics, type Topic } from '../../../../lib/topics.ts';
import { sampleChunk, sampleEnriched, sampleOutcome, sampleRendered, sampleRequest } from '../../poison/samples.ts';
import { withinBudget } from '../budget.ts';
import { applyChanges, type Change, changes } from '../generators/records.ts';
import { type FuzzKind, opened } from '../kind.ts';

const codes = new Set(['empty', 'not_avro', 'bounds', 'schema_unknown', 'schema_not_of_subject', 'schema_unusable']);

/** Schemas that a stranger with access to the registry could register: ids from 101 on. */
const strangeSchemas = [
  '"string"',
  '"null"',
  '{"type":"array","items":"null"}',
  '{"type":"record","name":"Node","fields":[{"name":"next","type":["null","Node"]}]}',
  '{"type":"map","values":"long"}',
  '{"type":"record","name":"NotificationRequested","namespace":"posthorn","fields":[]}',
  '{"type":"fixed","name":"F","size":2000000000}',
  '{"type":"enum","name":"E","symbols":["a"]}',
  '{"type":"nonsense"}',
  '{',
  '{"type":"array","items":{"type":"array","items":{"type":"array","items":"null"}}}',
];

const samples: Readonly<Record<Topic['record'], () => unknown>> = {
  NotificationRequested: sampleRequest,
  ChunkPlanned: () => sampleChunk('low'),
  NotificationEnriched: () => sampleEnriched('low'),
  NotificationRendered: () => sampleRendered('low'),
  NotificationOutcome: sampleOutcome,
};

export const avroRecords: FuzzKind = {
  name: 'avro',
  title: 'bytes that may be a record, decoded',
  casesOfMillion: 140_000,
  needs: 'nothing',
  async open({ isAlone }) {
    const topics = createTopics();
    const registry = await startRegistryOf(recordTopics(topics));
    const codec = createCodec({ registryUrl: registry.url, topics });
    await codec.prepare();
    const good = recordTopics(topics).map((topic) => ({
      topic,
      bytes: codec.encode(topic, samples[topic.record]() as never),
    }));
    const input = fc.record({ which: fc.nat({ max: good.length - 1 }), changes });

    async function decode(topic: Topic, bytes: Buffer): Promise<string | undefined> {
      let value: object;
      try {
        value = await codec.decode(topic, bytes);
      } catch (error) {
        if (!(error instanceof PermanentError)) throw error;
        return codes.has(error.code) ? undefined : `it is refused as ${error.code}`;
      }
      if (Object.getPrototypeOf(value) !== Object.prototype) return 'it is no plain object';
      codec.encode(topic, value as never);
      return undefined;
    }
    return opened<{ which: number; changes: Change[] }>({
      inputs: input,
      async tryOne({ which, changes: list }) {
        const { topic, bytes: before } = good[which] ?? good[0] ?? fail();
        const bytes = applyChanges(before, list);
        const { value, fault } = await withinBudget(isAlone, bytes.length, () => decode(topic, bytes));
        return fault ?? value;
      },
      close: registry.stop,
    });
  },
};

function fail(): never {
  throw new Error('there are no topics');
}

/** A registry that knows our own schemas under the ids 1, 2, … and the strange ones, for every subject. */
async function startRegistryOf(topics: readonly Topic[]): Promise<{ url: string; stop(): Promise<void> }> {
  const byId = new Map<number, string>(strangeSchemas.map((schema, at) => [101 + at, schema]));
  for (const [at, { record }] of topics.entries()) byId.set(at + 1, recordSchemas[record]);
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const part of request) body += part;
    const answer = (status: number, value: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value));
    const id = /^\/schemas\/ids\/(\d+)/.exec(request.url ?? '')?.[1];
    if (id !== undefined) {
      const schema = byId.get(Number(id));
      return schema === undefined ? answer(404, { error_code: 40403 }) : answer(200, { schema });
    }
    const { schema } = JSON.parse(body) as { schema: string };
    const found = [...byId].find(([, known]) => known === schema);
    return found ? answer(200, { id: found[0] }) : answer(404, { error_code: 40403 });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
