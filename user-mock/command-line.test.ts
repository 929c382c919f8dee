import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { runCommandLine } from './command-line.ts';

async function run(args: string[], env: Record<string, string> = {}, onPrint?: (line: string) => void) {
  const lines: string[] = [];
  const stop = new AbortController();
  const code = await runCommandLine(args, {
    env,
    signal: stop.signal,
    print: (line) => {
      lines.push(line);
      onPrint?.(line);
      if (line.includes('a million people at')) stop.abort();
    },
  });
  return { code, lines };
}

it('serves until it is told to stop', async () => {
  const { code, lines } = await run([], { USER_MOCK_PORT: '0' });
  expect(code).toBe(0);
  expect(lines).toEqual([
    expect.stringMatching(/^user-mock: a million people at http:\/\/127\.0\.0\.1:\d+, SMS inbox/),
  ]);
});

it('says in one sentence which port is taken and how to mend it', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
  const { port } = other.address() as AddressInfo;
  const { code, lines } = await run([], { USER_MOCK_PORT: String(port) });
  other.close();
  expect(code).toBe(1);
  expect(lines).toEqual([
    `user-mock: port ${port} on 127.0.0.1 is taken; stop what uses it or set USER_MOCK_PORT to another port`,
  ]);
});

it.each([[['--help']], [['generate', '--help']], [['help']]])('explains itself for %j', async (args) => {
  const { code, lines } = await run(args);
  expect(code).toBe(0);
  expect(lines.join('\n')).toContain('--rate');
  expect(lines.join('\n')).toContain('USER_MOCK_ERROR_RATE');
});

it.each([
  [['serve'], {}, 'no command "serve"'],
  [['generate'], {}, 'an API key is needed'],
  [['generate', '--key', 'k', '--rate', '0'], {}, '--rate is "0"'],
  [['generate', '--key', 'k', '--count', '1.5'], {}, '--count is "1.5"'],
  [['generate', '--key', 'k', '--first', '1000000'], {}, '--first is "1000000"'],
  [['generate', '--key', 'k', '--url', 'ingest'], {}, '--url is "ingest"'],
  [['generate', '--key', 'k', '--speed', '3'], {}, "'--speed'"],
  [[], { USER_MOCK_PORT: 'x' }, 'USER_MOCK_PORT is "x"'],
  [[], { USER_MOCK_PORT: '0', BIND_HOST: '203.0.113.7' }, 'BIND_HOST "203.0.113.7" is no address of this machine'],
])('refuses %j with %j in one sentence', async (args, env, sentence) => {
  const { code, lines } = await run(args, env);
  expect(code).toBe(1);
  expect(lines).toEqual([expect.stringContaining(sentence)]);
});
