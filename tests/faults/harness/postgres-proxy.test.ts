// The proxy decides what a fault run sees of Postgres, so it is judged here, before a server that writes down what it gets.
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { eventually } from '../../support/eventually.ts';
import { type Ruling, startPostgresProxy, statements } from './postgres-proxy.ts';

function message(type: string, body: string | Buffer): Buffer {
  const bytes = Buffer.from(body);
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length + 4);
  return Buffer.concat([Buffer.from(type), length, bytes]);
}
const query = (text: string) => message('Q', `${text}\0`);
const ready = message('Z', 'I');
/** Two columns: a text of three bytes, and null. */
const row = message('D', Buffer.from([0, 2, 0, 0, 0, 3, ...Buffer.from('abc'), 255, 255, 255, 255]));

async function open(rule: (statement: string) => Ruling) {
  const got: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket)).on('error', () => {});
    socket.on('data', (bytes) => {
      got.push(bytes.toString('latin1'));
      if (bytes.includes('select')) socket.write(Buffer.concat([row, ready]));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy = await startPostgresProxy({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  proxy.rule = rule;
  const client = connect(proxy.port, '127.0.0.1');
  const answers: Buffer[] = [];
  let isClosed = false;
  client.on('data', (bytes) => answers.push(bytes)).on('error', () => {});
  client.on('close', () => {
    isClosed = true;
  });
  onTestFinished(async () => {
    client.destroy();
    await proxy.stop();
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  });
  // As every client begins: a message without a type.
  client.write(message('', 'hello'));
  await eventually(() => got.join('').includes('hello'), 'the session is open');
  return {
    client,
    sockets,
    text: () => got.join(''),
    answer: () => Buffer.concat(answers),
    isClosed: () => isClosed,
  };
}

it('passes on a statement that waited, and never one whose sender died meanwhile', async () => {
  let gate = Promise.withResolvers<void>();
  const asked: string[] = [];
  const { client, sockets, text, answer } = await open((statement) => {
    asked.push(statement);
    return { kind: 'before', until: gate.promise };
  });
  client.write(query('select 1'));
  await eventually(() => asked.length === 1, 'it waits');
  expect(text()).not.toContain('select 1');
  gate.resolve();
  await eventually(() => answer().includes('abc'), 'it is answered');

  gate = Promise.withResolvers();
  client.write(query('select 2'));
  await eventually(() => asked.length === 2, 'it waits');
  client.resetAndDestroy();
  await eventually(() => sockets.size === 0, 'its session has ended');
  gate.resolve();
  await gate.promise;
  expect(text()).not.toContain('select 2');
});

it('tells the rows of an answer before it lets it through', async () => {
  const gate = Promise.withResolvers<void>();
  const done = Promise.withResolvers<(string | null)[][]>();
  const { client, answer } = await open(() => ({ kind: 'after', until: gate.promise, onDone: done.resolve }));
  client.write(query('select 1'));
  expect(await done.promise).toEqual([['abc', null]]);
  expect(answer()).toHaveLength(0);
  gate.resolve();
  await eventually(() => answer().equals(Buffer.concat([row, ready])), 'the whole answer is there');
});

it('lets a statement be done and its answer be lost', async () => {
  const { client, text, answer, isClosed } = await open((statement) => ({
    kind: statement.includes('2') ? 'cut' : 'pass',
  }));
  client.write(query('select 1'));
  await eventually(() => answer().includes('abc'), 'the first is answered');
  const before = answer().length;
  client.write(query('select 2'));
  await eventually(isClosed, 'the connection is reset');
  expect(text()).toContain('select 2');
  expect(answer()).toHaveLength(before);
});

it.each([
  ['claim', 'services/dispatcher/ledger/claim.ts'],
  ['settle', 'services/dispatcher/ledger/settle.ts'],
  ['chunk', 'services/planner/runner/store-page.ts'],
  ['request', 'services/planner/request-store.ts'],
] as const)('knows the statement %s of %s, and no other of the ledger', (name, path) => {
  const texts = (file: string) => readFileSync(join(import.meta.dirname, '../../..', file), 'utf8').split('`');
  expect(texts(path).filter((text) => statements[name](text))).toHaveLength(1);
  expect(texts('services/dispatcher/ledger/insert-ended.ts').some((text) => statements[name](text))).toBe(false);
});
