// A list of categories of which only some can be read: nobody may take the unreadable ones for categories that do not exist.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { createUserService } from '../../lib/user-service.ts';
import { createFactSource } from '../../services/ingest/facts.ts';
import { eventually } from '../support/eventually.ts';
import { openRunnerLab } from '../support/runner-lab.ts';

const readable = { name: 'active', count: 1 };
const sound = [readable, { name: 'vip', count: 2 }];

interface Service {
  url: string;
  categories: unknown;
  people: unknown;
}

async function openService(categories: unknown): Promise<Service> {
  const service: Service = { url: '', categories, people: { users: ['ada', 'bob'], next: null } };
  const server = createServer((request, response) => {
    response.end(JSON.stringify(request.url?.startsWith('/categories') ? service.categories : service.people));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  service.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return service;
}

it.each([
  ['null', null],
  ['without a name', { nome: 'vip', count: 2 }],
  ['with a number as name', { name: 7, count: 2 }],
  ['a text', 'vip'],
])(
  'a mailing to a category that may be the unreadable one (%s) waits, says why, and goes when it can be read',
  async (_, odd) => {
    const lab = await openRunnerLab();
    const service = await openService([readable, odd]);
    const id = await lab.addMailing({ user_categories: ['vip'] });
    const other = await lab.addMailing({ user_categories: ['active'] });
    const runner = lab.startRunner({ users: createUserService({ url: service.url }) });
    await eventually(() => runner.waitingFor().includes('mailing runner: user-service'), 'it waits');
    await eventually(
      async () => (await lab.request(other))?.planned === 2,
      'a mailing to a category that is named goes on',
    );
    expect(await lab.request(id)).toMatchObject({ planned: 0, planning_complete: false, ended_at: null });
    service.categories = sound;
    await eventually(async () => (await lab.request(id))?.planned === 2, 'it goes to its people');
  },
  60_000,
);

it('a category whose page names nobody who can be read waits as well', async () => {
  const lab = await openRunnerLab();
  const service = await openService(sound);
  service.people = { users: [null, 7, {}], next: null };
  const id = await lab.addMailing({ user_categories: ['vip'] });
  const runner = lab.startRunner({ users: createUserService({ url: service.url }) });
  await eventually(() => runner.waitingFor().includes('mailing runner: user-service'), 'it waits');
  expect(await lab.request(id)).toMatchObject({ planned: 0, planning_complete: false, ended_at: null });
  service.people = { users: ['ada'], next: null };
  await eventually(async () => (await lab.request(id))?.planned === 1, 'it goes to its people');
}, 60_000);

it('ingest does not check categories against a list of which some cannot be read, as in an outage', async () => {
  const lab = await openRunnerLab();
  const service = await openService([readable, null]);
  const load = async () => {
    const users = createUserService({ url: service.url });
    return (await createFactSource({ db: lab.db, users, logger: lab.logger }).load({ categories: true })).categories;
  };
  expect(await load()).toBeUndefined();
  service.categories = sound;
  expect(await load()).toEqual(new Set(['active', 'vip']));
});
