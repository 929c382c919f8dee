// Against a server that answers whatever a test wants: one person, or the whole service, is at fault.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { DependencyError } from './errors.ts';
import { createUserService } from './user-service.ts';

type Answer = { status?: number; body?: unknown; hang?: true };

const person = (id: string) => ({
  id,
  first_name: 'Ada',
  last_name: 'L',
  email: 'ada@example.com',
  phone: null,
  promo_agree: true,
});
const people = Array.from({ length: 500 }, (_, n) => `person-${n}`);

/** @param answerFor of a batch; undefined for a sound one. @param elsewhere of the other paths */
async function openService(
  answerFor: (ids: string[]) => Answer | undefined,
  elsewhere: (path: string) => Answer | undefined = () => undefined,
) {
  const calls: string[][] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = request.url ?? '';
    const reply = ({ status = 200, body, hang }: Answer) => {
      if (!hang) response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
    };
    if (path === '/users/batch') {
      const { ids } = JSON.parse(Buffer.concat(chunks).toString()) as { ids: string[] };
      calls.push(ids);
      return reply(answerFor(ids) ?? { body: { users: ids.map(person), missing: [] } });
    }
    if (path === '/categories') return reply(elsewhere(path) ?? { body: [{ name: 'active', count: 2 }] });
    reply(elsewhere(path) ?? { body: { users: ['somebody', 'somebody-else'], next: null } });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const service = createUserService({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    timeoutMs: 2_000,
  });
  return { service, calls };
}

describe('one element of an answer', () => {
  it.each([
    ['a null id', { ...person('x'), id: null }],
    ['a number as id', { ...person('x'), id: 7 }],
    ['no id', {}],
    ['an id with a NUL', person('person-\0')],
    ['an id of 10 kB', person('x'.repeat(10_000))],
    ['an id that nobody asked for', person('a-stranger')],
    ['no object', 'person-3'],
    ['null', null],
    ['a list', [[]]],
  ])('with %s concerns the person who is missing for it, and nobody else', async (_, element) => {
    const { service, calls } = await openService((ids) =>
      ids.includes('person-3')
        ? { body: { users: [...ids.filter((id) => id !== 'person-3').map(person), element], missing: [] } }
        : undefined,
    );
    const users = await service.fetchUsers(people);
    expect(users.get('person-3')).toEqual({ fault: '/users: the person is named neither there nor in /missing' });
    expect([...users.values()].filter((user) => !('fault' in user))).toHaveLength(499);
    expect(calls).toContainEqual(['person-3']);
  });

  it('that is broken does not cost another person, who is answered when asked for alone', async () => {
    const { service } = await openService((ids) =>
      ids.length > 1 ? { body: { users: [...ids.slice(1).map(person), null], missing: [] } } : undefined,
    );
    expect([...(await service.fetchUsers(people)).values()].some((user) => 'fault' in user)).toBe(false);
  });

  it('of somebody for whom the service also fails alone does not stop the others', async () => {
    const { service } = await openService((ids) =>
      ids.includes('a')
        ? ids.length === 1
          ? { status: 500 }
          : { body: { users: ids.filter((id) => id !== 'a').map(person), missing: [] } }
        : undefined,
    );
    const users = await service.fetchUsers(['a', 'b']);
    expect(users.get('a')).toEqual({ fault: expect.stringContaining('whenever') });
    expect(users.get('b')).toMatchObject({ first_name: 'Ada' });
  });

  it('that comes twice counts once: the first that can be used', async () => {
    const { service } = await openService((ids) => ({
      body: { users: ids.flatMap((id) => [{ id }, { ...person(id), first_name: 'First' }, person(id)]), missing: [] },
    }));
    expect((await service.fetchUsers(['a'])).get('a')).toMatchObject({ first_name: 'First' });
  });

  it('with a name of a megabyte has the first 100 characters of it', async () => {
    const { service } = await openService((ids) => ({
      body: {
        users: ids.map((id) => ({ ...person(id), ...(id === 'a' && { first_name: 'A'.repeat(1_000_000) }) })),
        missing: [],
      },
    }));
    const users = await service.fetchUsers(['a', 'b']);
    expect(users.get('a')).toMatchObject({ first_name: 'A'.repeat(100) });
    expect(users.get('b')).toMatchObject({ first_name: 'Ada' });
  });

  it('without a name is of whoever is named nowhere, also where all others are missing', async () => {
    const { service } = await openService((ids) => ({
      body: { users: [null], missing: ids.filter((id) => id !== 'a') },
    }));
    const users = await service.fetchUsers(['a', 'b', 'c']);
    expect([...users]).toEqual([['a', { fault: expect.stringMatching(/named neither there nor/) }]]);
  });

  it('who is missing is left out', async () => {
    const { service } = await openService((ids) => ({ body: { users: [], missing: ids } }));
    expect((await service.fetchUsers(['a', 'b'])).size).toBe(0);
  });
});

describe('a call that fails because of one person', { timeout: 30_000 }, () => {
  const poison = 'person-250';
  it.each<[string, Answer]>([
    ['500', { status: 500, body: 'no' }],
    ['a hanging connection', { hang: true }],
    ['garbage', { body: '{"users": [' }],
    ['404', { status: 404, body: {} }],
    ['no list of users', { body: { users: null, missing: [] } }],
  ])('(%s) is cut until that person is alone, and the others are there within 15 s', async (_, answer) => {
    const { service } = await openService((ids) => (ids.includes(poison) ? answer : undefined));
    const startedAt = performance.now();
    const users = await service.fetchUsers(people);
    expect(performance.now() - startedAt).toBeLessThan(15_000);
    expect(users.get(poison)).toEqual({ fault: expect.stringMatching(/^POST \/users\/batch: it fails whenever/) });
    expect([...users.values()].filter((user) => !('fault' in user))).toHaveLength(499);
  });

  it('is that person’s also when nobody else was asked for, now or ever before', async () => {
    const { service } = await openService((ids) => (ids.includes(poison) ? { status: 500 } : undefined));
    expect((await service.fetchUsers([poison])).get(poison)).toEqual({ fault: expect.stringContaining('whenever') });
  });

  it('is waited for once: the next calls with that person take no longer than one short try', async () => {
    const { service } = await openService((ids) => (ids.includes(poison) ? { hang: true } : undefined));
    await service.fetchUsers([poison, 'a']);
    const startedAt = performance.now();
    for (const ids of [[poison, 'a', 'b'], [poison]]) {
      const users = await service.fetchUsers(ids);
      expect(users.get(poison)).toEqual({ fault: expect.stringContaining('whenever') });
      expect(users.size).toBe(ids.length);
    }
    expect(performance.now() - startedAt).toBeLessThan(4_000);
  });

  it('is over once the service answers for that person again', async () => {
    let isIll = true;
    const { service } = await openService((ids) => (isIll && ids.includes(poison) ? { status: 500 } : undefined));
    await service.fetchUsers([poison]);
    isIll = false;
    expect((await service.fetchUsers([poison])).get(poison)).toMatchObject({ first_name: 'Ada' });
  });

  it('finds three of them', async () => {
    const poisons = ['person-0', 'person-1', 'person-499'];
    const { service } = await openService((ids) =>
      ids.some((id) => poisons.includes(id)) ? { status: 500 } : undefined,
    );
    const users = await service.fetchUsers(people);
    expect(poisons.map((id) => 'fault' in (users.get(id) ?? {}))).toEqual([true, true, true]);
    expect(users.size).toBe(500);
  });

  it('by chance fails nobody', async () => {
    let drawn = 1;
    const random = () => {
      drawn = (drawn * 16_807) % 2_147_483_647;
      return drawn / 2_147_483_647;
    };
    const { service } = await openService(() => (random() < 0.3 ? { status: 500 } : undefined));
    for (let n = 0; n < 60; n++) {
      const users = await service.fetchUsers(n % 2 ? people.slice(0, 40) : [`single-${n}`]).catch((error: unknown) => {
        expect(error).toBeInstanceOf(DependencyError);
        return new Map();
      });
      expect([...users.values()].filter((user) => 'fault' in user)).toEqual([]);
    }
  });
});

describe('a service that fails for everybody', () => {
  it.each<[string, Answer]>([
    ['500', { status: 500 }],
    ['401', { status: 401 }],
    ['garbage', { body: 'hello' }],
    ['another list', { body: [] }],
    ['nobody at all', { body: { users: [], missing: [] } }],
    ['people who are nobody', { body: { users: [null, {}, { id: 5 }], missing: [] } }],
  ])('(%s) is down: nobody is judged, and it is not asked five hundred times', async (_, answer) => {
    const { service, calls } = await openService(() => answer);
    for (const ids of [people, ['one']]) {
      await expect(service.fetchUsers(ids)).rejects.toThrow(DependencyError);
    }
    expect(calls.length).toBeLessThan(10);
  });
});

describe('lists', () => {
  it('of categories leave out what is none, and say how many were left out', async () => {
    const { service } = await openService(
      () => undefined,
      () => ({ body: [{ name: 'active', count: 5 }, null, { count: 1 }, { name: 'odd', count: 'many' }] }),
    );
    expect(await service.fetchCategories()).toEqual({
      readable: [
        { name: 'active', count: 5 },
        { name: 'odd', count: null },
      ],
      unreadableCount: 2,
    });
  });

  it('of people say empty for what is no id', async () => {
    const { service } = await openService(
      () => undefined,
      () => ({ body: { users: ['a', null, 7, {}], next: 'a' } }),
    );
    expect(await service.listUserIds(['active'], undefined, 10)).toEqual({ ids: ['a', '', '', ''], next: 'a' });
  });
});

describe('looking up addresses', () => {
  const lookUp = async (answer: Answer) => {
    const { service } = await openService(
      () => undefined,
      (path) => (path === '/users/lookup' ? answer : undefined),
    );
    return service.lookUp('email', ['ada@example.com']);
  };

  it('gives whoever can be read, whatever else is broken in the answer', async () => {
    const users = [{ ...person('one'), promo_agree: 'yes' }, { ...person('two'), email: ['x'] }, null, { id: 7 }];
    expect(await lookUp({ body: { users } })).toEqual([
      { id: 'one', email: 'ada@example.com', phone: null },
      { id: 'two', email: null, phone: null },
    ]);
  });

  it.each([404, 405, 501])('is said not to be there where the service answers %i', async (status) => {
    expect(await lookUp({ status, body: 'Not here' })).toBeUndefined();
  });

  it.each([
    ['fails', { status: 500 }],
    ['answers no JSON', { body: '<html>' }],
    ['answers no list', { body: { users: 'many' } }],
  ] as const)('is waited for like every call where the service %s', async (_, answer) => {
    await expect(lookUp(answer)).rejects.toBeInstanceOf(DependencyError);
  });
});
