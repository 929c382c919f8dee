import { expect, it } from 'vitest';
import { createSmsStore } from './sms-store.ts';

const now = () => new Date('2026-11-23T10:00:00Z');
const sms = (key: string, text = `text of ${key}`, to = '+999550000042') => ({ to, text, idempotency_key: key });

it('delivers a key once and answers a repetition with the same id', () => {
  const store = createSmsStore({ now });
  const first = store.accept(sms('a'));
  expect(store.accept(sms('a'))).toEqual(first);
  expect(store.accept(sms('b'))).not.toEqual(first);
  expect(store.list({ limit: 10 }).map((message) => message.idempotency_key)).toEqual(['b', 'a']);
  expect(store.counts()).toEqual({ total: 2, kept: 2, repeats: 1 });
});

it('keeps the newest messages and counts them all', () => {
  const store = createSmsStore({ now, messageLimit: 3 });
  for (const key of ['a', 'b', 'c', 'd', 'e']) store.accept(sms(key));
  expect(store.list({ limit: 10 }).map((message) => message.idempotency_key)).toEqual(['e', 'd', 'c']);
  expect(store.list({ limit: 2 }).map((message) => message.idempotency_key)).toEqual(['e', 'd']);
  expect(store.counts()).toEqual({ total: 5, kept: 3, repeats: 0 });
});

it('lists the messages to one number', () => {
  const store = createSmsStore({ now });
  store.accept(sms('a', 'one', '+999550000001'));
  store.accept(sms('b', 'two', '+999550000002'));
  expect(store.list({ to: '+999550000001', limit: 10 })).toMatchObject([{ text: 'one', parts: 1, encoding: 'GSM-7' }]);
  expect(store.list({ to: '+999550000003', limit: 10 })).toEqual([]);
});

it('still knows its keys after it was cleared, so that a late retry delivers nothing', () => {
  const store = createSmsStore({ now });
  store.accept(sms('a'));
  expect(store.clear()).toBe(1);
  store.accept(sms('a'));
  expect(store.list({ limit: 10 })).toEqual([]);
  expect(store.counts()).toEqual({ total: 0, kept: 0, repeats: 1 });
});

it('forgets the oldest key first when it knows too many', () => {
  const store = createSmsStore({ now, keyLimit: 2 });
  for (const key of ['a', 'b', 'c', 'c', 'b', 'a']) store.accept(sms(key));
  expect(store.list({ limit: 10 }).map((message) => message.idempotency_key)).toEqual(['a', 'c', 'b', 'a']);
});
