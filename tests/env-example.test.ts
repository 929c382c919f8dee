// .env.example is whole and true: it names what the code and the compose file read, with the defaults that hold.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { findVariables, parseCompose } from '../scripts/compose-file.ts';
import { findKnownVariables, parseEnvExample } from '../scripts/known-variables.ts';

const root = resolve(import.meta.dirname, '..');
const known = await findKnownVariables(root);
const example = parseEnvExample(readFileSync(join(root, '.env.example'), 'utf8'));
const compose = findVariables(parseCompose(readFileSync(join(root, 'docker-compose.yml'), 'utf8')));

/** Their default depends on the machine. */
const computed = new Set(['RENDER_WORKERS']);

test('every variable that the code or the compose file reads is in .env.example', () => {
  const read = [...known.names, ...compose.map(({ name }) => name)];
  expect(read.filter((name) => !example.has(name))).toEqual([]);
  expect(known.names.size).toBeGreaterThan(30);
});

test('every variable in .env.example is read by something', () => {
  const read = new Set([...known.names, ...compose.map(({ name }) => name)]);
  expect([...example.keys()].filter((name) => !read.has(name))).toEqual([]);
});

test('.env.example states the defaults that the services have', () => {
  const wanted = [...known.defaults].filter(([name]) => !computed.has(name));
  expect(wanted.filter(([name, value]) => example.get(name) !== value)).toEqual([]);
});

test('copied as it is, .env.example sets nothing', () => {
  const lines = readFileSync(join(root, '.env.example'), 'utf8').split('\n');
  expect(lines.filter((line) => line !== '' && !line.startsWith('#'))).toEqual([]);
});

test('docs/deploying.md explains every variable of the services and commands', () => {
  // The last part stands alone where several share a beginning: `SMTP_CONNECTIONS_HIGH`, `…_MEDIUM`.
  const text = readFileSync(join(root, 'docs/deploying.md'), 'utf8');
  const names = [...known.objects.values()].flatMap((object) => Object.keys(object.shape));
  const isExplained = (name: string) =>
    text.includes(`\`${name}\``) || text.includes(`\`…_${name.slice(name.lastIndexOf('_') + 1)}\``);
  expect(names.filter((name) => !isExplained(name))).toEqual([]);
});
