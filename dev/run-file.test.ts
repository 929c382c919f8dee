import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { startOfProcess } from './process-identity.ts';
import { holdFolder } from './run-file.ts';

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'posthorn-run-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const quiet = () => {};

/** Writes down a launcher that is gone, and one child. */
function leaveBehind(pid: number, startedAt: string | undefined): void {
  const launcher = { name: 'launcher', pid: process.pid, startedAt: 'long ago' };
  const record = { launcher, children: [{ name: 'kafka', pid, startedAt }] };
  writeFileSync(join(dataDir, 'run.json'), JSON.stringify(record));
}

it('lets one running copy at a time use a folder', async () => {
  const held = await holdFolder(dataDir, quiet);
  await expect(holdFolder(dataDir, quiet)).rejects.toMatchObject({ code: 'folder_in_use' });
  held.release();
  (await holdFolder(dataDir, quiet)).release();
  expect(existsSync(join(dataDir, 'run.json'))).toBe(false);
});

it('stops what a killed launcher left running, and says so', async () => {
  const left = spawn('sleep', ['60']);
  const ended = once(left, 'exit');
  const pid = left.pid ?? 0;
  leaveBehind(pid, startOfProcess(pid));
  const notes: string[] = [];
  const held = await holdFolder(dataDir, (line) => notes.push(line));
  expect((await ended)[1]).toBe('SIGTERM');
  expect(notes.join()).toContain(`kafka (${pid})`);
  held.release();
});

it('leaves a process alone that only has the pid of one recorded', async () => {
  const stranger = spawn('sleep', ['60']);
  leaveBehind(stranger.pid ?? 0, 'at another time');
  const held = await holdFolder(dataDir, quiet);
  expect(stranger.exitCode ?? stranger.signalCode).toBeNull();
  expect(startOfProcess(stranger.pid ?? 0)).toBeDefined();
  held.release();
  stranger.kill();
});
