// `npm start` as a person meets it: the table, the pasted request, Ctrl-C, the second start, a taken port, and a service
// that dies. The launcher runs as a process of its own, as npm runs it.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type PortName, type Ports, portsWithOffset, requireFreePorts } from '../../dev/ports.ts';
import { serviceNames } from '../../dev/services.ts';
import { eventually } from '../support/eventually.ts';
import { createMailInbox } from '../support/inbox-reader.ts';
import { removeTestData, testDataFolder } from '../support/infrastructure.ts';
import { createIngestClient } from '../support/ingest-client.ts';
import { machineEnvironment } from '../support/system.ts';

const root = resolve(import.meta.dirname, '../..');
const dataDir = testDataFolder('launcher');
const started: ChildProcess[] = [];

afterAll(async () => {
  for (const child of started) child.kill('SIGKILL');
  await Promise.all(started.map((child) => child.exitCode ?? new Promise((end) => child.once('close', end))));
  for (const { pid } of childrenOf(dataDir)) killHard(pid);
  removeTestData(dataDir);
});

interface Launcher {
  child: ChildProcess;
  output(): string;
  errors(): string;
  exited: Promise<number | null>;
}

function startLauncher(env: Record<string, string>): Launcher {
  const child = spawn(process.execPath, ['dev/main.ts'], { cwd: root, env: { ...machineEnvironment(), ...env } });
  started.push(child);
  let output = '';
  let errors = '';
  child.stdout.on('data', (part) => (output += part));
  child.stderr.on('data', (part) => (errors += part));
  const exited = new Promise<number | null>((end) => child.once('close', end));
  return { child, output: () => output, errors: () => errors, exited };
}

async function untilUp(launcher: Launcher): Promise<void> {
  await eventually(
    () => launcher.output().includes('everything is up') || launcher.child.exitCode !== null,
    () => `npm start is up:\n${launcher.output()}${launcher.errors()}`,
    90_000,
  );
  if (launcher.child.exitCode !== null) throw new Error(`npm start ended:\n${launcher.output()}${launcher.errors()}`);
}

/** An offset at which every port is free. */
async function findOffset(): Promise<{ offset: number; ports: Ports }> {
  for (;;) {
    const offset = 10_000 + Math.floor(Math.random() * 10_000);
    const ports = portsWithOffset(offset);
    const free = await requireFreePorts(ports, Object.keys(ports) as PortName[]).then(
      () => true,
      () => false,
    );
    if (free) return { offset, ports };
  }
}

/** What the launcher has written down about its children. */
function childrenOf(folder: string): { name: string; pid: number }[] {
  try {
    return (JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as { children: { name: string; pid: number }[] })
      .children;
  } catch {
    return [];
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}

/** @returns what the command has printed */
function runPasted(command: string): Promise<string> {
  return new Promise((done, fail) => {
    const shell = spawn('sh', ['-c', command]);
    let output = '';
    shell.stdout.on('data', (part) => (output += part));
    shell.stderr.on('data', (part) => (output += part));
    shell.once('error', fail);
    shell.once('close', () => done(output));
  });
}

const rowOf = (output: string, title: string) =>
  output
    .split('\n')
    .find((line) => line.trimStart().startsWith(title))
    ?.trim()
    .slice(title.length)
    .trim() ?? '';

it('starts, mails, takes a pasted request, stops within 20 s, and finds its data again', async () => {
  const { offset, ports } = await findOffset();
  const env = { POSTHORN_DATA_DIR: dataDir, POSTHORN_PORT_OFFSET: String(offset) };
  const first = startLauncher(env);
  await untilUp(first);

  // The table.
  const apiKey = rowOf(first.output(), 'API key');
  expect(rowOf(first.output(), 'HTTP ingest')).toBe(`http://127.0.0.1:${ports.ingest}/docs`);
  expect(rowOf(first.output(), 'Mail inbox')).toBe(`http://127.0.0.1:${ports.inbox}`);
  const ingest = createIngestClient(`http://127.0.0.1:${ports.ingest}`, apiKey);
  const inbox = createMailInbox(`http://127.0.0.1:${ports.inbox}`);

  // The demo has filled the inbox: a welcome, and three people's month.
  const demoMails = await inbox.list();
  expect(demoMails.map(({ subject }) => subject.startsWith('Welcome to Lumen'))).toContain(true);
  expect(demoMails).toHaveLength(4);

  // The pasted request.
  const command = /^curl [\s\S]*?\}'$/m.exec(first.output())?.[0] ?? '';
  const answer = JSON.parse(await runPasted(command)) as { request_id: string };
  await eventually(async () => (await inbox.list()).length === 5, 'the pasted request has sent a mail');
  await ingest.untilDone(answer.request_id);
  const listMessageIds = async () => (await inbox.list()).map(({ messageId }) => messageId);
  const messageIds = await listMessageIds();
  expect(new Set(messageIds).size).toBe(5);

  // Ctrl-C.
  const children = childrenOf(dataDir);
  expect(children.map(({ name }) => name)).toEqual(expect.arrayContaining(['kafka', 'postgres', ...serviceNames]));
  const stoppedAtMs = performance.now();
  first.child.kill('SIGINT');
  expect(await first.exited, first.output()).toBe(0);
  expect(performance.now() - stoppedAtMs).toBeLessThan(20_000);
  expect(first.output()).not.toContain('did not stop');
  expect(children.filter(({ pid }) => isAlive(pid))).toEqual([]);

  // The second start.
  const second = startLauncher(env);
  await untilUp(second);
  expect(rowOf(second.output(), 'API key')).toBe(apiKey);
  expect(await ingest.untilDone(answer.request_id)).toMatchObject({ state: 'done', sent: 1 });
  // A second demo would have been sent by now: it is waited for before "everything is up".
  expect((await listMessageIds()).sort()).toEqual(messageIds.sort());

  // A service that dies.
  const dispatcher = childrenOf(dataDir).find(({ name }) => name === 'dispatcher');
  killHard(dispatcher?.pid ?? 0);
  await eventually(
    () => childrenOf(dataDir).some(({ name, pid }) => name === 'dispatcher' && pid !== dispatcher?.pid),
    'the dispatcher is started again',
  );
  expect(second.output()).toContain('dispatcher died (ended by SIGKILL), starting it again in 0.5 s');

  // Another copy in the same folder, and another one on the same ports.
  const sameFolder = startLauncher(env);
  expect(await sameFolder.exited).toBe(1);
  expect(sameFolder.errors()).toMatch(/^posthorn: .* is in use by another running copy .*\n$/);

  const beforeStop = childrenOf(dataDir);
  second.child.kill('SIGTERM');
  expect(await second.exited).toBe(0);
  expect(beforeStop.filter(({ pid }) => isAlive(pid))).toEqual([]);
});

it('says in one sentence which port is taken, and how to go on', async () => {
  const { offset, ports } = await findOffset();
  const other = createServer().listen(ports.ingest, '127.0.0.1');
  const folder = testDataFolder('launcher-port');
  try {
    const launcher = startLauncher({ POSTHORN_DATA_DIR: folder, POSTHORN_PORT_OFFSET: String(offset) });
    expect(await launcher.exited).toBe(1);
    expect(launcher.errors().trimEnd().split('\n')).toHaveLength(1);
    expect(launcher.errors()).toMatch(
      new RegExp(
        `^posthorn: Port ${ports.ingest} \\(the HTTP ingest\\) is taken by another program: stop that one, .*`,
      ),
    );
    expect(childrenOf(folder)).toEqual([]);
  } finally {
    other.close();
    removeTestData(folder);
  }
});
