import { expect, it } from 'vitest';
import { readRendererConfig } from './config.ts';

const env = {
  KAFKA_BROKERS: 'localhost:9092',
  SCHEMA_REGISTRY_URL: 'http://localhost:8081',
  DATABASE_URL: 'postgres://localhost/posthorn',
  POSTHORN_SECRET: 'a secret of a few words',
};

it.each([
  ['https://example.com', 'https://example.com'],
  ['https://example.com/', 'https://example.com'],
  ['https://EXAMPLE.com/Mail/', 'https://example.com/Mail'],
  ['http://[::1]:8001', 'http://[::1]:8001'],
  ['', 'http://127.0.0.1:8001'],
])('reads PUBLIC_URL %s as %s', (given, publicUrl) => {
  expect(readRendererConfig({ ...env, PUBLIC_URL: given }).publicUrl).toBe(publicUrl);
});

it.each([
  'example.com',
  'ftp://example.com',
  'https://user:password@example.com',
  'https://example.com/?a',
  'https://example.com/#a',
  'https://example.com/a b',
  'https://example.com/<a>',
  'https://example.com/:id',
])('refuses %s', (given) => {
  expect(() => readRendererConfig({ ...env, PUBLIC_URL: given })).toThrowError(
    expect.objectContaining({ faults: [expect.stringMatching(/^PUBLIC_URL: must be/)] }),
  );
});

it('wants a secret that is one', () => {
  expect(() => readRendererConfig({ ...env, POSTHORN_SECRET: '' })).toThrowError(
    expect.objectContaining({ faults: ['POSTHORN_SECRET is not set'] }),
  );
  expect(() => readRendererConfig({ ...env, POSTHORN_SECRET: 'short' })).toThrowError(
    expect.objectContaining({ faults: ['POSTHORN_SECRET: must have 16 characters or more'] }),
  );
});
