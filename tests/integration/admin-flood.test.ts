// The worst of 2 MiB in every place of every page: nobody else waits for it, and no page breaks. The pages and the names of
// their fields are found in the program, so that new ones are tried by themselves.
import { randomUUID } from 'node:crypto';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type AdminLab, startAdminLab, type Visitor } from '../support/admin-lab.ts';
import type { Attack } from '../support/flood/attack.ts';
import { drip } from '../support/flood/drip.ts';
import { flood, takeSome } from '../support/flood/flood.ts';
import { worstTexts } from '../support/flood/worst-texts.ts';

const bodyBytes = 2 * 1024 * 1024;
/** Of 16 kB, which is as much as headers and address may have together. */
const headerBytes = 14 * 1024;
const mailingId = randomUUID();

let lab: AdminLab;
let admin: Visitor;
let names: string[];

beforeAll(async () => {
  lab = await startAdminLab();
  admin = await lab.logIn('admin');
  names = await readFieldNames();
  const template = { title: 'Flooded', template_id: 'flooded', kind: 'common', channel: 'email', subject: 'S' };
  await admin.post('/templates/new', { ...template, html: longHtml('a') });
  await admin.post('/templates/flooded', { ...template, base: '1', html: longHtml('b') });
  await admin.post('/mailings', { mailing_id: mailingId, title: 'Flooded', template_id: 'flooded' });
});
afterAll(() => lab?.stop());

/** Two of them have no line in common. */
function longHtml(letter: string): string {
  return Array.from({ length: 40_000 }, (_, n) => `<p>${letter}${n}</p>`).join('\n');
}

async function readFieldNames(): Promise<string[]> {
  const found = new Set<string>();
  const root = join(import.meta.dirname, '../../services/admin');
  for await (const file of glob('**/*.{ts,liquid}', { cwd: root })) {
    const text = await readFile(join(root, file), 'utf8');
    for (const match of text.matchAll(/(?:fields|lists|query|asked)\.(\w+)|query\('(\w+)'\)|\bname="(\w+)"/g)) {
      const name = match[1] ?? match[2] ?? match[3];
      if (name && name !== '_csrf') found.add(name);
    }
  }
  return [...found].sort();
}

/** What takes away what others need comes last. */
function routesOf(...methods: string[]): { method: string; path: string }[] {
  const routes = lab.routes
    .map((route) => ({ method: route.slice(0, route.indexOf(' ')), path: fill(route.slice(route.indexOf(' ') + 1)) }))
    .filter(({ method, path }) => methods.includes(method) && path !== '/logout');
  const ends = ({ path }: { path: string }) => Number(/\/(delete|archive)$/.test(path));
  return routes.sort((a, b) => ends(a) - ends(b));
}

function fill(pattern: string): string {
  const id = pattern.startsWith('/templates') ? 'flooded' : pattern.startsWith('/mailings') ? mailingId : randomUUID();
  return pattern
    .replace(':topic', lab.topics.requests.name)
    .replace(/:(partition|offset)\{.*?\}+(?=\/|$)/g, '0')
    .replace(':version', '1')
    .replace(':userId', 'u-1')
    .replace(/:\w+/g, id);
}

const encode = (text: string) => encodeURIComponent(text.toWellFormed());
const fieldsOf = (value: string) => names.map((name) => `${name}=${value}`).join('&');
/** @returns the text so often that all fields together have so many bytes */
const toValue = (text: string, bytes: number) => {
  const one = encode(text);
  return one.repeat(Math.max(1, Math.floor((bytes / names.length - 20) / one.length)));
};

it('a log-in that comes a byte a second is let go after 30 s, whichever part of it is slow', async () => {
  const form = 'content-type: application/x-www-form-urlencoded\r\ncontent-length: 8000\r\n';
  const seen = await Promise.all([
    drip(lab.port, `POST /login HTTP/1.1\r\nhost: a\r\n${form}\r\n`),
    drip(lab.port, `POST /mailings HTTP/1.1\r\nhost: a\r\n${form}\r\n`),
    drip(lab.port, 'POST /login HTTP/1.1\r\nhost: a\r\nx: '),
    drip(lab.opsPort, 'GET /healthz HTTP/1.1\r\nhost: a\r\nx: '),
  ]);
  expect(seen.map(({ answer }) => answer.slice(9, 12))).toEqual(['408', '401', '408', '408']);
  for (const { ms } of seen) expect(ms).toBeLessThan(35_000);
});

it('knows the pages and their fields', () => {
  expect(routesOf('GET').length).toBeGreaterThan(40);
  expect(routesOf('POST', 'PUT').length).toBeGreaterThan(40);
  expect(names.length).toBeGreaterThan(50);
});

it('forms with too many or too long fields hold up nobody, whoever sends them', async () => {
  const attacks: Attack[] = [];
  const known = { cookie: admin.cookie, 'x-csrf-token': await admin.csrf() };
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  for (const [at, { method, path }] of routesOf('POST', 'PUT').entries()) {
    const add = (who: 'admin' | 'nobody', what: string, repeat: string, headers: Record<string, string> = form) => {
      const title = `${method} ${path} as ${who}: ${what}`;
      const all = who === 'admin' ? { ...known, ...headers } : headers;
      attacks.push({ title, method, path, headers: all, body: { repeat, bytes: bodyBytes } });
    };
    for (const repeat of ['a&', '%41', '%0D', '=', '+']) {
      add('admin', repeat, repeat);
      if (path === '/login' || repeat === 'a&') add('nobody', repeat, repeat);
    }
    // Who has logged in and who has not meet in the log-in: everything is tried there, and with files.
    const texts = Object.entries(worstTexts);
    for (const [what, text] of path === '/login' || method === 'PUT' ? texts : takeSome(texts, at)) {
      if (method === 'PUT') {
        add('admin', `a file of ${what}`, text, { 'content-type': 'text/csv' });
        continue;
      }
      const filled = { names, value: encode(text), bytes: bodyBytes };
      const title = `${method} ${path} as`;
      attacks.push({ title: `${title} admin: ${what}`, method, path, headers: { ...known, ...form }, form: filled });
      if (path === '/login')
        attacks.push({ title: `${title} nobody: ${what}`, method, path, headers: form, form: filled });
    }
  }
  expect(await flood(lab, attacks)).toEqual([]);
});

it('queries, cookies and other headers hold up nobody, whoever sends them', async () => {
  const attacks: Attack[] = [];
  for (const [at, { method, path }] of routesOf('GET').entries()) {
    for (const who of ['admin', 'nobody'] as const) {
      const cookie: Record<string, string> = who === 'admin' ? { cookie: admin.cookie } : {};
      const add = (what: string, query: string, headers: Record<string, string> = {}) =>
        attacks.push({
          title: `${method} ${path} as ${who}: ${what}`,
          method,
          path: query === '' ? path : `${path}?${query}`,
          headers: { ...cookie, ...headers },
        });
      add('many parameters', 'a&'.repeat(headerBytes / 2));
      add('a long cookie', '', { cookie: `${cookie.cookie ?? 'posthorn_session=a'}${';'.repeat(headerBytes)}` });
      add('long headers', '', { accept: ','.repeat(headerBytes / 2), 'x-forwarded-for': ','.repeat(headerBytes / 2) });
      if (who === 'nobody') continue;
      for (const [what, text] of takeSome(Object.entries(worstTexts), at)) {
        add(what, fieldsOf(toValue(text, headerBytes)).slice(0, headerBytes).replace(/%.?$/, ''));
      }
    }
  }
  expect(await flood(lab, attacks)).toEqual([]);
});

it('the worst of a search holds up nobody', async () => {
  const texts = [encode('%'), '_', '%5C', encode('%_'), '%CC%81', '(', '%20', '%23'];
  const attacks = routesOf('GET').flatMap(({ method, path }, at) =>
    ['q', 'search'].flatMap((name) =>
      takeSome(texts, at).map((text): Attack => {
        const query = `${name}=${text.repeat(Math.floor((headerBytes - 100) / text.length))}`;
        const title = `${method} ${path}: ${text} as ${name}`;
        return { title, method, path: `${path}?${query}`, headers: { cookie: admin.cookie } };
      }),
    ),
  );
  expect(await flood(lab, attacks)).toEqual([]);
});

it('odd values in a query are answered, never with a failure', async () => {
  const odd = [
    '%00',
    '%ff',
    'x',
    '-1',
    '1e9',
    '9'.repeat(20),
    '0_0',
    '9999999_99999',
    `${'9'.repeat(15)}.${randomUUID()}`,
    `${'9'.repeat(17)}.${'-'.repeat(36)}`,
    `${'9'.repeat(17)}.email.a`,
    `9999-12-31T23:59:59.999999Z_${randomUUID()}`,
    '9999-12-31T23:59',
    `${'9'.repeat(15)}/${lab.topics.requests.name}/0/${'9'.repeat(15)}`,
    `${'9'.repeat(5)}:${'9'.repeat(18)}`,
  ];
  const places = ['after', 'version', 'from', 'before'];
  const calls = routesOf('GET').flatMap(({ path }, at) =>
    takeSome(odd, at).flatMap((value) => [
      `${path}?${fieldsOf(value)}`,
      ...places.map((name) => `${path}?${name}=${value}`),
    ]),
  );
  const failed: string[] = [];
  const work = calls.values();
  const runs = Array.from({ length: 8 }, async () => {
    for (const call of work) {
      const answer = await admin.get(call);
      await answer.body?.cancel();
      if (answer.status >= 500 && answer.status !== 503) failed.push(`${answer.status} ${call.slice(0, 200)}`);
    }
  });
  await Promise.all(runs);
  expect(failed).toEqual([]);
});

it('odd values in a form are answered, never with a failure', async () => {
  const failed: string[] = [];
  for (const { method, path } of routesOf('POST')) {
    for (const value of ['x', '-1', '9'.repeat(20), '2147483648', randomUUID()]) {
      const answer = await admin.post(path, Object.fromEntries(names.map((name) => [name, value])));
      await answer.body?.cancel();
      if (answer.status >= 500 && answer.status !== 503) failed.push(`${answer.status} ${method} ${path}: ${value}`);
    }
  }
  expect(failed).toEqual([]);
});
