// The bootstrap as a process of its own, with a Java and a Maven that only pretend.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import downloads from '../dev/downloads.json' with { type: 'json' };

const program = resolve(import.meta.dirname, 'bootstrap.mjs');
let folder: string;
let bin: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'posthorn-bootstrap-'));
  bin = join(folder, 'bin');
  mkdirSync(bin);
  for (const name of ['sh', 'tar', 'gzip', 'mkdir', 'sleep', 'touch']) {
    const path = ['/bin', '/usr/bin'].map((place) => join(place, name)).find((place) => existsSync(place));
    if (path) symlinkSync(path, join(bin, name));
  }
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function pretend(name: string, script: string): void {
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
}

function start(env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [program], {
    env: { PATH: bin, POSTHORN_DATA_DIR: join(folder, 'data'), CALLS: join(folder, 'calls'), ...env },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
    });
  }
  const ended = once(child, 'close').then(([code]) => ({ code: code as number | null, output }));
  return { child, ended };
}

const newJava = `echo 'openjdk version "21.0.2" 2024' >&2`;
/** Does what the two goals do: fills the folder of Kafka, or writes the registry's archive; tells that it was called. */
const slowMaven = `
[ "$1" = -v ] && exit 0
echo "$@" >> "$CALLS"
for argument in "$@"; do case "$argument" in
  -DoutputDirectory=*) target="\${argument#*=}"; mkdir "$target"; touch "$target/half.jar"; sleep 0.4; touch "$target/whole.jar";;
  -Ddest=*) target="\${argument#*=}"; touch runner.jar; tar -czf "$target" runner.jar;;
esac; done`;

it('says what to install when there is no Java or an old one, and ends with 1', async () => {
  const without = await start().ended;
  expect(without.code).toBe(1);
  expect(without.output).toMatch(/no Java.*apt install openjdk-17.*brew install openjdk/);

  pretend('java', `echo 'java version "1.8.0_292"' >&2`);
  const old = await start().ended;
  expect(old.code).toBe(1);
  expect(old.output).toContain('Java 8 is too old');
});

it('says what to install when there is no Maven, and ends with 1', async () => {
  pretend('java', newJava);
  const { code, output } = await start().ended;
  expect(code).toBe(1);
  expect(output).toMatch(/no Maven.*apt install maven.*brew install maven/);
});

it('needs neither when Kafka and registry are set to others', async () => {
  const { code, output } = await start({ KAFKA_BROKERS: 'k:9092', SCHEMA_REGISTRY_URL: 'http://r' }).ended;
  expect({ code, output }).toEqual({ code: 0, output: '' });
});

it('fetches each part once, also when two run at the same time and a third comes later', async () => {
  pretend('java', newJava);
  pretend('mvn', slowMaven);
  const results = await Promise.all([start().ended, start().ended]);
  expect(results.map(({ code }) => code)).toEqual([0, 0]);
  expect((await start().ended).output).toBe('');

  const fetched = join(folder, 'data', 'downloads');
  expect(readdirSync(fetched).sort()).toEqual([downloads.registry.folder, downloads.kafka.folder].sort());
  expect(readdirSync(join(fetched, downloads.kafka.folder))).toContain('whole.jar');
  expect(readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n')).toHaveLength(2);
});

it('never takes a half-fetched folder as whole after a kill, and takes the lock over', async () => {
  pretend('java', newJava);
  pretend('mvn', slowMaven);
  const fetched = join(folder, 'data', 'downloads');
  const first = start();
  await expect.poll(() => existsSync(join(folder, 'calls')), { interval: 5, timeout: 5_000 }).toBe(true);
  first.child.kill('SIGKILL');
  await first.ended;
  expect(existsSync(join(fetched, downloads.kafka.folder))).toBe(false);

  expect((await start().ended).code).toBe(0);
  expect(readdirSync(join(fetched, downloads.kafka.folder))).toContain('whole.jar');
});
