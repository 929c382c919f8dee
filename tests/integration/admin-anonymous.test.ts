// What somebody without a log-in reads while Postgres is down: that it is, and nothing of hosts, ports or code.
import { afterAll, beforeAll, expect, inject, it } from 'vitest';
import { type AdminLab, startAdminLab } from '../support/admin-lab.ts';
import { type FreezableProxy, startFreezableProxy } from '../support/freezable-proxy.ts';

let proxy: FreezableProxy;
let lab: AdminLab;
let target: { host: string; port: number };
beforeAll(async () => {
  const env = inject('infrastructure');
  const url = new URL(env.DATABASE_URL);
  target = { host: url.hostname, port: Number(url.port) };
  proxy = await startFreezableProxy(target);
  url.host = `127.0.0.1:${proxy.port}`;
  lab = await startAdminLab(undefined, { ...env, DATABASE_URL: url.href });
  await proxy.stop();
});
afterAll(async () => {
  proxy = await startFreezableProxy(target, proxy.port);
  await lab?.stop();
  await proxy.stop();
});

const cookie = 'posthorn_session=what-somebody-made-up';
const form = new URLSearchParams({ name: 'admin', password: 'a guess' });
it.each<[string, RequestInit]>([
  ['/login', { headers: { cookie } }],
  ['/login', { method: 'POST', body: form }],
  ['/mailings', { headers: { cookie } }],
  ['/people?q=ada', { headers: { cookie, accept: 'application/json' } }],
  ['/logout', { method: 'POST', headers: { cookie } }],
])('%s tells nobody without a log-in where Postgres is (%j)', async (path, init) => {
  const answer = await fetch(`${lab.url}${path}`, { redirect: 'manual', ...init });
  const text = await answer.text();
  expect(answer.status).toBe(503);
  expect(text).toContain('postgres');
  expect(text).not.toMatch(/127\.0\.0\.1|localhost|ECONN|:\d{4,5}\b|\.ts\b|node_modules|\n\s+at /);
  expect(text).not.toContain(String(proxy.port));
});
