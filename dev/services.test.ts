// The supervisor with five pretended services: each answers /readyz on its ops port and can be told how to misbehave.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { freePorts } from './ports.ts';
import { type Services, type ServicesOptions, serviceNames, startServices } from './services.ts';

const program = `
import { createServer } from 'node:http';
const name = process.argv[1].split('/').at(-2);
if (process.env.REFUSES === name) process.exit(2);
if (process.env.STOPS_SLOWLY === name) process.on('SIGTERM', () => setTimeout(() => process.exit(0), 800));
createServer((_, response) => response.end('ok')).listen(Number(process.env.OPS_PORT), '127.0.0.1');
console.log(JSON.stringify({ msg: 'listening' }));
`;

let root: string;
let services: Services | undefined;
let said: string[];
let lines: string[];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'posthorn-services-'));
  writeFileSync(join(root, 'package.json'), '{"type":"module"}');
  for (const name of serviceNames) {
    mkdirSync(join(root, 'services', name), { recursive: true });
    writeFileSync(join(root, 'services', name, 'main.ts'), program);
  }
  said = [];
  lines = [];
});

afterEach(async () => {
  await services?.stop();
  services = undefined;
  rmSync(root, { recursive: true, force: true });
});

async function start(env: Record<string, string> = {}): Promise<Services> {
  const options: ServicesOptions = {
    root,
    dataDir: root,
    env: { PATH: process.env.PATH ?? '', ...env },
    ports: await freePorts(),
    keeper: { added: () => {}, removed: () => {} },
    onLine: (service, line) => lines.push(`${service} ${line}`),
    log: (line) => said.push(line),
  };
  services = startServices(options);
  return services;
}

it('runs every service as a process of its own and hands its lines on', async () => {
  const running = await start();
  await running.waitReady();
  expect(new Set(serviceNames.map(running.pid)).size).toBe(serviceNames.length);
  await expect
    .poll(() => lines.toSorted())
    .toEqual(serviceNames.map((name) => `${name} {"msg":"listening"}`).toSorted());
});

it('starts a killed service again after half a second, and says so', async () => {
  const running = await start();
  await running.waitReady();
  const before = running.pid('planner');
  running.kill('planner', 'SIGKILL');
  await expect.poll(() => said).toEqual(['planner died (ended by SIGKILL), starting it again in 0.5 s']);
  await expect.poll(() => running.pid('planner'), { timeout: 5_000 }).toBeDefined();
  await running.waitReady();
  expect(running.pid('planner')).not.toBe(before);
});

it('stops the services one after the other in the order of the flow, and none comes back', async () => {
  const running = await start({ STOPS_SLOWLY: 'ingest' });
  await running.waitReady();
  running.kill('enricher', 'SIGKILL');
  await expect.poll(() => said.length).toBe(1);
  await running.stop();
  const stopped = said.slice(1).map((line) => line.split(' ')[0]);
  expect(stopped).toEqual(serviceNames.filter((name) => name !== 'enricher'));
  expect(serviceNames.map(running.pid)).toEqual(serviceNames.map(() => undefined));
});

it('stops one service for good until it is started again', async () => {
  const running = await start();
  await running.waitReady();
  await running.stopOne('renderer');
  expect(running.pid('renderer')).toBeUndefined();
  running.startOne('renderer');
  await running.waitReady();
  expect(running.pid('renderer')).toBeDefined();
});

it('gives the start up at once when a service refuses its settings', async () => {
  const running = await start({ REFUSES: 'ingest' });
  await expect(running.waitReady()).rejects.toMatchObject({ code: 'start_failed' });
});
