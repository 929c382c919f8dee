import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { hashApiKey, newApiKey, toApiKeyHint } from './api-keys.ts';

test('a new key is ph_ and 256 random bits, and never the same twice', () => {
  const keys = new Set(Array.from({ length: 100 }, () => newApiKey().key));
  expect(keys.size).toBe(100);
  for (const key of keys) expect(key).toMatch(/^ph_[A-Za-z0-9_-]{43}$/);
});

test('a key is recognised by its SHA-256, and its hint gives only a few characters away', () => {
  const { key, hash, hint } = newApiKey();
  expect(hash).toEqual(createHash('sha256').update(key).digest());
  expect(hashApiKey(key)).toEqual(hash);
  expect(hint).toBe(`${key.slice(0, 7)}…`);
  expect(toApiKeyHint('secret')).toBe('s…');
});
