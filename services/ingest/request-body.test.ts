import { createServer, type IncomingMessage, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { Problem } from './problem.ts';
import { maxBodyBytes, readJsonBody } from './request-body.ts';

let close = () => {};
afterEach(() => close());

interface Sent {
  headers?: Record<string, string>;
  chunks: (string | Buffer)[];
}

/** Sends a body over a real connection; gives what readJsonBody makes of it. */
async function read({ headers = {}, chunks }: Sent): Promise<unknown> {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  const server = createServer(async (incoming: IncomingMessage, response) => {
    resolve(await readJsonBody(incoming).catch((error: unknown) => error));
    response.end();
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  close = () => {
    server.close();
    server.closeAllConnections();
  };
  const { port } = server.address() as AddressInfo;
  const call = request({ port, method: 'POST', headers: { 'content-type': 'application/json', ...headers } });
  // The server may answer before it has read everything.
  call.on('error', () => {});
  for (const chunk of chunks) call.write(chunk);
  call.end();
  return promise;
}

const code = (result: unknown) => (result instanceof Problem ? result.code : result);

it('reads a body that comes in pieces, and counts its bytes', async () => {
  const text = Buffer.from('{"a":"ä"}');
  expect(await read({ chunks: [text.subarray(0, 7), text.subarray(7)] })).toEqual({
    value: { a: 'ä' },
    lossyNumbers: [],
    byteCount: text.length,
  });
});

it('takes exactly 1 MiB and not a byte more, whatever length was announced', async () => {
  const fill = (size: number) => `"${'x'.repeat(size - 2)}"`;
  expect(await read({ chunks: [fill(maxBodyBytes)] })).toMatchObject({ byteCount: maxBodyBytes });
  expect(code(await read({ chunks: [fill(maxBodyBytes + 1)] }))).toBe('too_large');
  const length = String(maxBodyBytes + 1);
  expect(code(await read({ chunks: [fill(maxBodyBytes + 1)], headers: { 'content-length': length } }))).toBe(
    'too_large',
  );
});

it.each(['application/json; charset=utf-8', 'Application/JSON', 'application/merge-patch+json'])(
  'takes %s',
  async (type) => {
    expect(await read({ chunks: ['1'], headers: { 'content-type': type } })).toMatchObject({ value: 1 });
  },
);

it.each([
  ['text/plain', { 'content-type': 'text/plain' }],
  ['a compressed body', { 'content-encoding': 'br' }],
])('refuses %s', async (_title, headers) => {
  expect(code(await read({ chunks: ['1'], headers }))).toBe('not_json');
});

it('refuses bytes that are not UTF-8, and an empty body', async () => {
  expect(await read({ chunks: [Buffer.from([0x22, 0xff, 0x22])] })).toMatchObject({
    message: 'The body is not UTF-8.',
  });
  expect(await read({ chunks: [' \n'] })).toMatchObject({ message: 'The body is empty; a JSON object is expected.' });
});
