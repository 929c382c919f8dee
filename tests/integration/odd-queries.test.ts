// Odd addresses: what somebody writes behind the question mark is judged before it reaches a statement. Every route that the
// admin pages and ingest list is walked, so that new ones are tried by themselves.
import { randomUUID } from 'node:crypto';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { toUnsubscribeToken } from '../../content/unsubscribe.ts';
import type { RunningIngest } from '../../services/ingest/service.ts';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import { addRequest } from '../support/admin-ledger.ts';
import { type IngestHarness, startIngestHarness } from '../support/ingest-harness.ts';

/** No text, or two ways to read one: behind any parameter, known or not. */
const malformed = [
  'search=%00',
  'search=a%00b',
  'search=%1b%5b2J',
  'search=%7f',
  'search=%C2%92',
  'search=%ff',
  'search=%ED%A0%80',
  'search=%ED%BF%BF',
  'search=%zz',
  'search=%',
  'search=1&search=1',
  'after=1&%61fter=2',
  '%00=1',
  Array.from({ length: 101 }, (_, n) => `p${n}=`).join('&'),
];
const twentyDigits = '99999999999999999999';
const garbage = ['x', twentyDigits, '-1', "'%20or%201=1", '%2E%2E%2F', '1e9', 'NaN', '%F0%9F%98%80', 'x'.repeat(9_000)];
const namesOf = (text: string) => text.matchAll(/(?:queryText|queryChoice|readQuery|query)\(\s*(?:c,\s*)?'(\w+)'/g);

/** Only the head of an answer is waited for: a stream has no end. */
async function statusOf(url: string, init: RequestInit): Promise<number> {
  const answer = await fetch(url, { redirect: 'manual', ...init });
  await answer.body?.cancel();
  return answer.status;
}

describe('the admin pages', () => {
  let lab: AdminLab;
  let admin: Visitor;
  let names: string[];
  let paths: string[];
  let headers: Record<string, string>;
  let requestId: string;

  beforeAll(async () => {
    lab = await startAdminLab();
    admin = await lab.logIn('admin');
    headers = { cookie: admin.cookie, accept: 'application/json' };
    const template = { title: 'Odd', template_id: 'odd', kind: 'common', channel: 'email', subject: 'S', html: '<p>a' };
    await admin.post('/templates/new', template);
    const mailingId = randomUUID();
    await admin.post('/mailings', { mailing_id: mailingId, title: 'Odd', template_id: 'odd' });
    requestId = await addRequest(lab.db);
    const root = join(import.meta.dirname, '../../services/admin');
    const found = new Set(['before', 'offset', 'partition', 'time', 'separator', 'column', 'unheard-of']);
    for await (const file of glob('**/*.ts', { cwd: root })) {
      for (const [, name = ''] of namesOf(await readFile(join(root, file), 'utf8'))) found.add(name);
    }
    names = [...found];
    paths = lab.routes
      .filter((route) => route.startsWith('GET ') && !route.includes('*'))
      .map((route) =>
        route
          .slice(4)
          .replace(':topic', lab.topics.requests.name)
          .replace(/:(partition|offset)\{.*?\}+(?=\/|$)/g, '0')
          .replace(':version', '1')
          .replace(':userId', 'u-1')
          .replace(
            /:\w+/g,
            route.includes('/templates') ? 'odd' : route.includes('/mailings') ? mailingId : randomUUID(),
          ),
      );
  });
  afterAll(() => lab?.stop());

  it('say 400 on every route to a query that is no text, or that may be read in two ways', async () => {
    expect(paths.length).toBeGreaterThan(40);
    const wrong: string[] = [];
    for (const path of paths.filter((one) => !one.startsWith('/assets/'))) {
      for (const query of malformed) {
        const status = await statusOf(`${lab.url}${path}?${query}`, { headers });
        if (status !== 400) wrong.push(`${status} ${path}?${query.slice(0, 60)}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('fail on no route, whatever stands behind any parameter', async () => {
    expect(names.length).toBeGreaterThan(20);
    const wrong: string[] = [];
    for (const [at, path] of paths.entries()) {
      for (const [nth, name] of names.entries()) {
        // Each value behind each parameter, and on each route, though not each of all three together.
        const value = garbage[(at + nth) % garbage.length];
        const status = await statusOf(`${lab.url}${path}?${name}=${value}`, { headers });
        if (status >= 500 && status !== 503) wrong.push(`${status} ${path}?${name}=${value?.slice(0, 60)}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each<[string, string[]]>([
    ['/mailings', ['after', 'state']],
    ['/mailings/REQUEST/people', ['after', 'state']],
    ['/people/u-1', ['after', 'state']],
    ['/suppressions', ['after']],
    ['/suppressions/reported', ['since', 'until', 'key']],
    ['/replays', ['after']],
    ['/audit', ['after']],
    ['/templates', ['after', 'channel', 'archived']],
    ['/templates/odd', ['version']],
    ['/templates/odd/difference', ['from', 'to']],
    ['/templates/new', ['channel']],
    ['/dead-letters', ['after', 'stage', 'state', 'since']],
    ['/topics/TOPIC', ['before', 'from', 'partition', 'time']],
    ['/overview/series', ['range']],
    ['/holds', ['what']],
    ['/follow', ['id', 'request', 'user']],
  ])('%s says what of %j it cannot read, and shows nothing else instead', async (pattern, parameters) => {
    const path = pattern.replace('REQUEST', requestId).replace('TOPIC', lab.topics.requests.name);
    for (const name of parameters) {
      for (const value of ['x', twentyDigits, 'x'.repeat(9_000)]) {
        if (name === 'user' && value !== 'x'.repeat(9_000)) continue;
        const status = await statusOf(`${lab.url}${path}?${name}=${value}`, { headers });
        expect([400, 404, 422], `${status} ${path}?${name}=${value.slice(0, 30)}`).toContain(status);
        if (name !== 'key') expect(status, `${path}?${name}`).not.toBe(404);
      }
    }
  });

  it.each([
    '/mailings?search=',
    '/templates?q=',
    '/people?q=',
    '/suppressions?address=',
    '/audit?subject=',
    '/dead-letters?q=',
  ])('%s refuses a text that nobody looks for', async (path) => {
    expect(await statusOf(`${lab.url}${path}${'x'.repeat(9_000)}`, { headers })).toBe(400);
    expect([200, 404]).toContain(await statusOf(`${lab.url}${path}%F0%9F%98%80%20%25%27`, { headers }));
  });

  it('say it to somebody without a log-in as well', async () => {
    for (const query of malformed) expect(await statusOf(`${lab.url}/login?${query}`, {})).toBe(400);
  });
});

describe('ingest', () => {
  let harness: IngestHarness;
  let ingest: RunningIngest & { url: string };
  let headers: Record<string, string>;
  beforeAll(async () => {
    harness = await startIngestHarness('http://127.0.0.1:9');
    ingest = await harness.startReadyIngest();
    headers = { authorization: `Bearer ${await harness.createApiKey('admin')}`, 'content-type': 'application/json' };
  });
  afterAll(() => harness?.stop());

  const routesOf = () =>
    ingest.routes
      .map((route) => route.split(' ') as [string, string])
      .filter(([method, path]) => (method === 'GET' || method === 'POST') && !path.includes('*'))
      .map(([method, path]) => ({ method, path: path.replace(/:(?!token)\w+/g, randomUUID()) }));

  it('says 422 on every route to a query that is no text, or that may be read in two ways', async () => {
    const routes = routesOf().filter(({ path }) => !path.includes(':token'));
    expect(routes.length).toBeGreaterThan(8);
    const wrong: string[] = [];
    for (const { method, path } of routes) {
      const body = method === 'POST' ? '{}' : null;
      for (const query of malformed) {
        const status = await statusOf(`${ingest.url}${path}?${query}`, { method, headers, body });
        if (status !== 422) wrong.push(`${status} ${method} ${path}?${query.slice(0, 60)}`);
      }
    }
    expect(wrong).toEqual([]);
  });

  it('fails on no route, whatever stands behind any parameter', async () => {
    const wrong: string[] = [];
    const token = toUnsubscribeToken('a secret of a few words', { userId: 'u-1', channel: 'email' });
    for (const { method, path } of routesOf()) {
      const body = method === 'POST' ? '{}' : null;
      for (const name of ['request_id', 'user_id', 'state', 'after', 'limit', 'r', 'unheard-of']) {
        for (const value of [...garbage, '%00', '%ff']) {
          const url = `${ingest.url}${path.replace(':token', token)}?${name}=${value}`;
          const status = await statusOf(url, { method, headers, body });
          if (status >= 500 && status !== 503) wrong.push(`${status} ${method} ${path}?${name}=${value.slice(0, 60)}`);
        }
      }
    }
    expect(wrong).toEqual([]);
  });

  it.each(['request_id', 'user_id', 'state', 'after', 'limit'])('says 422 to a %s that is none', async (name) => {
    for (const value of [...garbage, '%00', '%C2%92']) {
      if (name === 'user_id' && ['x', twentyDigits, '-1', '1e9', 'NaN'].includes(value)) continue;
      const other = name === 'request_id' ? '' : `&request_id=${randomUUID()}`;
      const status = await statusOf(`${ingest.url}/api/v1/notifications?${name}=${value}${other}`, { headers });
      expect(status, `${name}=${value.slice(0, 30)}`).toBe(422);
    }
  });
});
