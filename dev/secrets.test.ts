import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { findPasswordFault } from '../lib/passwords.ts';
import { loadSecrets } from './secrets.ts';

let dataDir: string;
let file: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'posthorn-secrets-'));
  file = join(dataDir, 'secrets.json');
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

it('makes the secrets once per data folder, for its owner alone to read', () => {
  const made = loadSecrets(dataDir, {});
  expect(made.secret.length).toBeGreaterThan(40);
  expect(made.apiKey).toMatch(/^ph_/);
  expect(findPasswordFault(made.adminPassword)).toBeUndefined();
  expect(loadSecrets(dataDir, {})).toEqual(made);
  expect(statSync(file).mode & 0o077).toBe(0);
});

it('adds the password to the file of an earlier release, and leaves what is in it', () => {
  writeFileSync(file, JSON.stringify({ secret: 'kept-secret', apiKey: 'kept-key' }));
  const loaded = loadSecrets(dataDir, {});
  expect(loaded).toMatchObject({ secret: 'kept-secret', apiKey: 'kept-key' });
  expect(findPasswordFault(loaded.adminPassword)).toBeUndefined();
  expect(loadSecrets(dataDir, {})).toEqual(loaded);
});

it('gives way to the environment, and does not write down what that says', () => {
  const given = { POSTHORN_SECRET: 's', POSTHORN_API_KEY: 'k', POSTHORN_ADMIN_PASSWORD: 'from the environment' };
  expect(loadSecrets(dataDir, given)).toEqual({ secret: 's', apiKey: 'k', adminPassword: 'from the environment' });
  expect(readFileSync(file, 'utf8')).not.toContain('from the environment');
});
