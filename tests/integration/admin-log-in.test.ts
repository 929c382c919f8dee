// Wrong passwords: whom they make wait, whom they do not, and what they tell. Callers come through a trusted proxy, so that
// a test can have as many addresses as it needs.
import { randomUUID, scryptSync } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it, onTestFinished } from 'vitest';
import { createLogger } from '../../lib/logger.ts';
import { hashPassword } from '../../lib/passwords.ts';
import { startAdmin } from '../../services/admin/service.ts';
import { type AdminLab, addAdminUser, startAdminLab } from '../support/admin-lab.ts';
import { eventually } from '../support/eventually.ts';

let lab: AdminLab;
let realHash: string;
const password = 'the right password';
beforeAll(async () => {
  lab = await startAdminLab(undefined, inject('infrastructure'), { TRUSTED_PROXIES: '127.0.0.0/8' });
  realHash = await hashPassword(password);
});
afterAll(() => lab?.stop());
beforeEach(async () => {
  await lab.db.deleteFrom('admin_log_in_tries').execute();
});

async function addPerson(hash = realHash): Promise<string> {
  const name = `p-${randomUUID().slice(0, 8)}`;
  await addAdminUser(lab.db, name, password, ['viewer'], hash);
  return name;
}

let addressCount = 0;
const newAddress = () => `2001:db8:${(++addressCount).toString(16)}::1`;

function tryPassword(name: string, typed: string, from: string, headers: Record<string, string> = {}, url = lab.url) {
  return fetch(`${url}/login`, {
    method: 'POST',
    redirect: 'manual',
    headers: { 'x-forwarded-for': from, ...headers },
    body: new URLSearchParams({ name, password: typed }),
  });
}
const statusOf = async (...args: Parameters<typeof tryPassword>) => (await tryPassword(...args)).status;

async function statusesOf(count: number, ...args: Parameters<typeof tryPassword>): Promise<number[]> {
  const statuses: number[] = [];
  for (let at = 0; at < count; at++) statuses.push(await statusOf(...args));
  return statuses;
}
/** As if so many wrong ones had been tried before, by every counter that there is. */
const setTries = (count: number) =>
  lab.db
    .updateTable('admin_log_in_tries')
    .set({ try_count: count, forget_at: new Date(Date.now() + 3_600_000) })
    .execute();
const refusals = (address: string) =>
  lab.db
    .selectFrom('audit')
    .select('action')
    .where('action', 'in', ['session.refused', 'user.password_refused'])
    .where((where) => where.eb(where.ref('detail', '->>').key('address' as never), '=', address as never))
    .execute();

describe('wrong passwords', () => {
  it('from one address make nobody wait at another, and none at that address with another name', async () => {
    const [name, other] = [await addPerson(), await addPerson()];
    const [attacker, home] = [newAddress(), newAddress()];
    expect(await statusesOf(6, name, 'wrong', attacker)).toEqual([401, 401, 401, 401, 401, 429]);
    expect(await statusOf(name, password, attacker)).toBe(429);
    expect(await statusOf(name, password, home)).toBe(303);
    expect(await statusOf(other, password, attacker)).toBe(303);
  });

  it('count together for all addresses of one /64, and for both notations of an IPv4 address', async () => {
    const name = await addPerson();
    expect(await statusOf(name, 'wrong', '2001:db8:ffff:1:1::1')).toBe(401);
    await setTries(3);
    for (const from of ['2001:db8:ffff:1:2::2', '2001:0DB8:ffff:0001::3'])
      expect(await statusOf(name, 'wrong', from)).toBe(401);
    expect(await statusOf(name, password, '2001:db8:ffff:1::77')).toBe(429);
    expect(await statusOf(name, password, '2001:db8:ffff:2::77')).toBe(303);
    const other = await addPerson();
    expect(await statusOf(other, 'wrong', '::ffff:198.51.100.1')).toBe(401);
    await setTries(4);
    expect(await statusOf(other, 'wrong', '::ffff:c633:6401')).toBe(401);
    expect(await statusOf(other, password, '198.51.100.1')).toBe(429);
    expect(await statusOf(other, password, '198.51.100.2')).toBe(303);
  });

  it('tell by no status, word or header whether the name exists, before and while it waits', async () => {
    const name = await addPerson();
    const disabled = await addPerson();
    await lab.db.updateTable('admin_users').set({ disabled_at: new Date() }).where('name', '=', disabled).execute();
    const ask = async (who: string) => {
      const from = newAddress();
      const answers: unknown[] = [];
      for (let at = 0; at < 7; at++) {
        const answer = await tryPassword(who, 'wrong', from);
        const headers = [...answer.headers].filter(([header]) => header !== 'date');
        const text = (await answer.text()).replaceAll(who, 'NAME').replace(/Wait \d+ seconds/, 'Wait');
        answers.push([answer.status, headers.map(([key]) => key), text.replace(/csrf-token" content="[^"]*/g, '')]);
      }
      return answers;
    };
    const known = await ask(name);
    expect(await ask('nobody-at-all')).toEqual(known);
    expect(await ask(disabled)).toEqual(known);
    expect(await ask('Иван "><b>')).toHaveLength(7);
  });

  it('take as long for a name that does not exist, and for a hash of an older measure', async () => {
    const salt = Buffer.alloc(16, 7);
    const key = scryptSync(password, salt, 32, { N: 2 ** 15, r: 8, p: 1, maxmem: 2 ** 27 });
    const old = await addPerson(`scrypt$15$8$1$${salt.toString('base64url')}$${key.toString('base64url')}`);
    const name = await addPerson();
    // Work of the threads of this process, where the service runs: others on the machine do not count.
    const workOf = async (who: string) => {
      const before = process.cpuUsage();
      expect(await statusOf(who, 'wrong', newAddress())).toBe(401);
      const { user, system } = process.cpuUsage(before);
      return user + system;
    };
    const works = new Map<string, number[]>();
    for (let at = 0; at < 3; at++) {
      for (const who of [name, old, 'nobody']) works.set(who, [...(works.get(who) ?? []), await workOf(who)]);
    }
    const [real = 0, cheap = 0, none = 0] = [...works.values()].map((all) => Math.min(...all));
    expect(cheap / real).toBeGreaterThan(0.7);
    expect(none / real).toBeGreaterThan(0.7);
    expect(none / real).toBeLessThan(1.4);
  });

  it('cannot be tried more often at the same time than one after the other, nor at two processes', async () => {
    const name = await addPerson();
    const fail = (error: Error) => {
      throw error;
    };
    const logger = createLogger({ service: 'test', level: 'silent' });
    const second = await startAdmin(lab.config, { logger, fail });
    onTestFinished(() => second.stop());
    const url = `http://127.0.0.1:${second.port}`;
    await eventually(async () => (await fetch(`${url}/login`)).status === 200, 'the second process answers');
    const from = newAddress();
    const statuses = await Promise.all(
      Array.from({ length: 100 }, (_, at) => statusOf(name, 'wrong', from, {}, at % 2 ? url : lab.url)),
    );
    expect(statuses.filter((status) => status === 401).length).toBeLessThanOrEqual(5);
    expect(statuses.filter((status) => status !== 401 && status !== 429)).toEqual([]);
    expect(await statusOf(name, password, from, {}, url)).toBe(429);
  });

  it('write a line into the audit log when they begin and when they have to wait, and none for each', async () => {
    const name = await addPerson();
    const [one, many] = [newAddress(), newAddress()];
    await statusesOf(1, name, 'wrong', one);
    expect(await refusals(one)).toHaveLength(1);
    expect(new Set(await statusesOf(100, name, 'wrong', many))).toEqual(new Set([401, 429]));
    expect(await refusals(many)).toHaveLength(2);
  });

  it('are forgotten after the right one, and with a wait that is over', async () => {
    const name = await addPerson();
    const from = newAddress();
    for (let round = 0; round < 2; round++) {
      expect(await statusOf(name, 'wrong', from)).toBe(401);
      await setTries(4);
      expect(await statusOf(name, password, from)).toBe(303);
    }
    const waits: number[] = [];
    await statusOf(name, 'wrong', from);
    await setTries(4);
    await statusOf(name, 'wrong', from);
    for (let round = 0; round < 3; round++) {
      waits.push(Number((await tryPassword(name, password, from)).headers.get('retry-after')));
      await lab.db.updateTable('admin_log_in_tries').set({ wait_until: new Date() }).execute();
      expect(await statusOf(name, 'wrong', from)).toBe(401);
    }
    expect(waits.map((wait) => Math.round(wait / 10) * 10)).toEqual([30, 60, 120]);
    await lab.db.updateTable('admin_log_in_tries').set({ wait_until: new Date() }).execute();
    expect(await statusOf(name, password, from)).toBe(303);
  });

  it('leave no rows behind once their time is over', async () => {
    for (let at = 0; at < 2; at++) await statusOf(`nobody-${at}`, 'wrong', newAddress());
    expect(await lab.db.selectFrom('admin_log_in_tries').selectAll().execute()).toHaveLength(6);
    await lab.db.updateTable('admin_log_in_tries').set({ forget_at: new Date(), wait_until: new Date() }).execute();
    await statusOf('nobody', 'wrong', newAddress());
    expect(await lab.db.selectFrom('admin_log_in_tries').selectAll().execute()).toHaveLength(3);
  });
});

describe('an address from where the person has logged in', () => {
  it('gets in while a name is tried from everywhere, without a wait in the queue of the others', async () => {
    const name = await addPerson();
    const home = newAddress();
    expect(await statusOf(name, password, home)).toBe(303);
    // A hundred wrong ones from a hundred addresses: nobody new can log in for the hour.
    expect(await statusOf(name, 'wrong', newAddress())).toBe(401);
    await setTries(99);
    expect(await statusOf(name, 'wrong', newAddress())).toBe(401);
    expect(await statusOf(name, password, newAddress())).toBe(429);
    // While 300 others fill the queue of checks.
    const others = Promise.all(Array.from({ length: 300 }, (_, at) => statusOf(`nobody-${at}`, 'wrong', newAddress())));
    await eventually(
      async () => (await lab.db.selectFrom('admin_log_in_tries').selectAll().execute()).length > 20,
      'the others are there',
    );
    const began = performance.now();
    expect(await statusOf(name, password, home)).toBe(303);
    const tookMs = performance.now() - began;
    const statuses = await others;
    const othersMs = performance.now() - began;
    expect(statuses.filter((status) => status !== 401 && status !== 503)).toEqual([]);
    expect(statuses).toContain(503);
    expect(tookMs).toBeLessThan(othersMs);
  });

  it('is limited for its own wrong passwords all the same', async () => {
    const name = await addPerson();
    const home = newAddress();
    expect(await statusOf(name, password, home)).toBe(303);
    expect((await statusesOf(6, name, 'wrong', home)).at(-1)).toBe(429);
  });

  it('limits how many names are tried from one that is not', async () => {
    const from = newAddress();
    const statuses: number[] = [];
    await statusOf('nobody', 'wrong', from);
    await setTries(18);
    for (let at = 0; at < 5; at++) statuses.push(await statusOf(`nobody-${at}`, 'wrong', from));
    expect(statuses).toEqual([401, 401, 429, 429, 429]);
  });
});

describe('a log-in', () => {
  it('ends the session that the browser had, and no other', async () => {
    const [name, other] = [await addPerson(), await addPerson()];
    const cookieOf = (answer: Response) =>
      /posthorn_session=[^;]+/.exec(answer.headers.get('set-cookie') ?? '')?.[0] ?? '';
    const from = newAddress();
    const isIn = async (cookie: string) =>
      (await fetch(`${lab.url}/account`, { redirect: 'manual', headers: { cookie } })).status;
    const elsewhere = cookieOf(await tryPassword(name, password, from));
    const first = cookieOf(await tryPassword(name, password, from));
    expect(await statusOf(name, 'wrong', from, { cookie: first })).toBe(401);
    expect(await isIn(first)).toBe(200);
    const second = cookieOf(await tryPassword(other, password, from, { cookie: first }));
    expect([await isIn(first), await isIn(second), await isIn(elsewhere)]).toEqual([303, 200, 200]);
  });

  it('makes a hash of an older measure anew, and leaves one of this release as it is', async () => {
    const salt = Buffer.alloc(16, 7);
    const key = scryptSync(password, salt, 32, { N: 2 ** 12, r: 8, p: 1 });
    const name = await addPerson(`scrypt$12$8$1$${salt.toString('base64url')}$${key.toString('base64url')}`);
    const hashOf = async () =>
      (
        await lab.db
          .selectFrom('admin_users')
          .select('password_hash')
          .where('name', '=', name)
          .executeTakeFirstOrThrow()
      ).password_hash;
    expect(await statusOf(name, 'wrong', newAddress())).toBe(401);
    expect(await hashOf()).toMatch(/^scrypt\$12\$/);
    expect(await statusOf(name, password, newAddress())).toBe(303);
    const made = await hashOf();
    expect(made).toMatch(/^scrypt\$15\$8\$3\$/);
    expect(await statusOf(name, password, newAddress())).toBe(303);
    expect(await hashOf()).toBe(made);
  });
});

describe('/account/password', () => {
  const change = (current: string) => ({ current, wanted: 'another long one', again: 'another long one' });

  it('has the throttle of the log-in, and counts together with it', async () => {
    const visitor = await lab.logIn('viewer');
    const post = async (current: string) => visitor.post('/account/password', change(current));
    const statuses: number[] = [];
    for (let at = 0; at < 6; at++) statuses.push((await post('wrong')).status);
    expect(statuses).toEqual([422, 422, 422, 422, 422, 429]);
    const right = await post(visitor.password);
    expect(right.status).toBe(429);
    expect(await right.text()).toMatch(/Wait \d+ seconds/);
    // The visitor comes without a proxy's word: from the proxy itself.
    expect(await statusOf(visitor.name, visitor.password, '')).toBe(429);
    await lab.db.updateTable('admin_log_in_tries').set({ wait_until: new Date() }).execute();
    expect((await post(visitor.password)).status).toBe(303);
  });

  it('checks the password before it says anything, and writes two lines into the audit log at most', async () => {
    const visitor = await lab.logIn('viewer');
    for (let at = 0; at < 30; at++) await visitor.post('/account/password', { current: 'wrong', wanted: 'short' });
    const rows = await lab.db.selectFrom('audit').select('action').where('who', '=', visitor.name).execute();
    expect(rows.map(({ action }) => action)).toEqual(['user.password_refused', 'user.password_refused']);
  });
});
