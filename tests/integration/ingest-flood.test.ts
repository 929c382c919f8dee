// The worst of 2 MiB in every place of ingest: nobody else waits for it, and nothing breaks. The paths are found in the
// program, so that new ones are tried by themselves.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { toUnsubscribeToken } from '../../content/unsubscribe.ts';
import type { RunningIngest } from '../../services/ingest/service.ts';
import type { Attack } from '../support/flood/attack.ts';
import { drip } from '../support/flood/drip.ts';
import { flood } from '../support/flood/flood.ts';
import { worstTexts } from '../support/flood/worst-texts.ts';
import { type IngestHarness, startIngestHarness } from '../support/ingest-harness.ts';

const bodyBytes = 1024 * 1024;
const headerBytes = 14 * 1024;
const person = '"template_id":"welcome","user_ids":["u-1"]';

let harness: IngestHarness;
let ingest: RunningIngest & { url: string };
let key: string;

beforeAll(async () => {
  harness = await startIngestHarness('http://127.0.0.1:9');
  ingest = await harness.startReadyIngest();
  key = await harness.createApiKey('admin');
});
afterAll(() => harness?.stop());

function routesOf(method: string): string[] {
  return ingest.routes
    .filter((route) => route.startsWith(`${method} `))
    .map((route) =>
      route
        .slice(method.length + 1)
        .replace(':token', 'TOKEN')
        .replace(/:\w+/g, randomUUID()),
    );
}

/** Bodies of JSON by what is wrong with them: the beginning, what is repeated, and the end. */
const bodies: Readonly<Record<string, [head: string, repeat: string, tail: string]>> = {
  'open lists': ['', '[', ''],
  'open objects': ['', '{"a":', ''],
  'a list of numbers': ['[', '0,', '0]'],
  'a list of objects': ['[', '{},', '{}]'],
  'long numbers': ['[', '1e999,', '0]'],
  'one long number': ['[', '9', ']'],
  'empty names': ['{', '"":0,', '"":0}'],
  'a list as context': [`{"event":{${person},"context":{"a":[`, '0,', '0]}}}'],
  'control characters in a context': [`{"event":{${person},"context":{"a":[`, '"\\u0000",', '0]}}}'],
  'half pairs in a context': [`{"event":{${person},"context":{"a":"`, '\\ud83d', '"}}}'],
  'lists in lists': [`{"event":{${person},"context":{"a":[`, '[[[[[[[[0]]]]]]]],', '0]}}}'],
  'wrong ids': ['{"event":{"template_id":"welcome","user_ids":[', '"!",', '"!"]}}'],
  'ids that are none': ['{"event":{"template_id":"welcome","user_ids":[', '{},', '0]}}'],
  'many ids': ['{"event":{"template_id":"welcome","user_ids":[', '"u",', '"u"]}}'],
  'many categories': ['{"event":{"template_id":"welcome","user_categories":[', '"c",', '"c"]}}'],
  'a long id of a template': ['{"event":{"user_ids":["u-1"],"template_id":"', 'a', '"}}'],
  'a long time': [`{"event":{${person},"scheduled_at":"2026-12-01T09:00:00.`, '9', 'Z"}}'],
  'wrong reports': ['[', '{"type":1,"address":2,"status":3,"at":4},', '{}]'],
  'a long address': ['[{"type":"bounce","address":"', 'a@', '"}]'],
  'a long status': ['[{"type":"bounce","status":"', '5.', '"}]'],
};

it('bodies hold up nobody, whoever sends them', async () => {
  const attacks: Attack[] = [];
  const token = toUnsubscribeToken('a secret of a few words', { userId: 'u-1', channel: 'email' });
  for (const pattern of routesOf('POST')) {
    const path = pattern.replace('TOKEN', token);
    const add = (what: string, type: string, body: Attack['body'], authorization?: string) =>
      attacks.push({
        title: `POST ${pattern} ${authorization ? 'with a key' : 'without one'}: ${what}`,
        method: 'POST',
        path,
        headers: { 'content-type': type, ...(authorization ? { authorization } : {}) },
        ...(body ? { body } : {}),
      });
    for (const authorization of [`Bearer ${key}`, undefined]) {
      for (const [what, [head, repeat, tail]] of Object.entries(bodies)) {
        add(what, 'application/json', { head, repeat, tail, bytes: bodyBytes }, authorization);
        if (!authorization) break;
      }
      const names = Array.from({ length: 90_000 }, (_, n) => `"n${n}":0`).join(',');
      for (const head of [`{${names}`, `{"event":{${person},${names}}`, `{"event":{${person},"context":{${names}}}`]) {
        add('names', 'application/json', { head, repeat: '', tail: '}', bytes: 0 }, authorization);
      }
      add('too much', 'application/json', { repeat: ' ', bytes: 2 * bodyBytes }, authorization);
    }
    for (const [what, repeat] of Object.entries(worstTexts)) {
      add(`a form of ${what}`, 'application/x-www-form-urlencoded', { head: 'a=', repeat, bytes: 8 * 1024 });
      const head = '--b\r\ncontent-disposition: form-data; name="a"\r\n\r\n';
      add(`parts of ${what}`, 'multipart/form-data; boundary=b', { head, repeat, tail: '\r\n--b--', bytes: 8 * 1024 });
      add(`a whole form of ${what}`, 'multipart/form-data; boundary=b', { repeat: '--b\r\n', bytes: 2 * bodyBytes });
    }
  }
  expect(await flood(ingest, attacks)).toEqual([]);
});

it('queries and headers hold up nobody, whoever sends them', async () => {
  const attacks: Attack[] = [];
  for (const method of ['GET', 'POST']) {
    for (const pattern of routesOf(method)) {
      for (const authorization of [`Bearer ${key}`, undefined]) {
        const add = (what: string, query: string, headers: Record<string, string> = {}) =>
          attacks.push({
            title: `${method} ${pattern} ${authorization ? 'with a key' : 'without one'}: ${what}`,
            method,
            path: query === '' ? pattern : `${pattern}?${query}`,
            headers: { ...(authorization ? { authorization } : {}), ...headers },
          });
        add('many parameters', 'a&'.repeat(headerBytes / 2));
        add('one name again and again', 'user_id=&'.repeat(headerBytes / 9));
        for (const name of ['authorization', 'idempotency-key', 'traceparent', 'content-type', 'accept', 'cookie']) {
          for (const text of [',', 'a;', 'Bearer ']) {
            add(`${name} of ${text}`, '', { [name]: text.repeat(headerBytes / text.length) });
          }
        }
        if (!authorization) continue;
        for (const [what, text] of Object.entries(worstTexts)) {
          const one = encodeURIComponent(text.toWellFormed());
          for (const name of ['user_id', 'after']) {
            add(
              `${name} of ${what}`,
              `${name}=${one.repeat(Math.max(1, Math.floor((headerBytes - 100) / one.length)))}`,
            );
          }
        }
      }
    }
  }
  expect(await flood(ingest, attacks)).toEqual([]);
});

it('a call that comes a byte a second is let go after 30 s, whichever part of it is slow', async () => {
  const json = 'content-type: application/json\r\ncontent-length: 8000\r\n';
  const form = 'content-type: application/x-www-form-urlencoded\r\ncontent-length: 8000\r\n';
  const token = toUnsubscribeToken('a secret of a few words', { userId: 'u-1', channel: 'email' });
  const seen = await Promise.all([
    drip(ingest.port, `POST /api/v1/send_notification HTTP/1.1\r\nhost: a\r\n${json}\r\n`),
    drip(ingest.port, `POST /api/v1/feedback HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${key}\r\n${json}\r\n`),
    drip(ingest.port, `POST /u/${token} HTTP/1.1\r\nhost: a\r\n${form}\r\n`),
    drip(ingest.port, `POST /u/${token} HTTP/1.1\r\nhost: a\r\nx: `),
  ]);
  expect(seen.map(({ answer }) => answer.slice(9, 12))).toEqual(['401', '408', '408', '408']);
  for (const { ms } of seen) expect(ms).toBeLessThan(35_000);
});

it('odd values in a query or a path are answered, never with a failure', async () => {
  const failed: string[] = [];
  const odd = ['%00', '%ff', 'x', '-1', '1e9', '9'.repeat(20), `${'9'.repeat(15)}.${randomUUID()}`, '%F0%9F', '%2F..'];
  const names = ['request_id', 'user_id', 'state', 'after', 'limit', 'since', 'until'];
  for (const route of ingest.routes.filter((one) => one.startsWith('GET ')).map((one) => one.slice(4))) {
    for (const value of odd) {
      const path = route.replace(/:\w+/g, randomUUID());
      const queries = names.map((name) => `${path}?${name}=${value}`);
      const many = `${path}?request_id=${randomUUID()}&${names
        .slice(2)
        .map((name) => `${name}=${value}`)
        .join('&')}`;
      const one = `${path}?user_id=u-1&after=${value}`;
      for (const call of [route.replace(/:\w+/g, value), ...queries, many, one]) {
        const answer = await fetch(`${ingest.url}${call}`, {
          redirect: 'manual',
          headers: { authorization: `Bearer ${key}` },
        });
        await answer.body?.cancel();
        if (answer.status >= 500 && answer.status !== 503) failed.push(`${answer.status} ${call}`);
      }
    }
  }
  expect(failed).toEqual([]);
});
