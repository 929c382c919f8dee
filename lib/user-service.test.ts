// What the user service answers of several people: what is wrong with one of them concerns that one.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { toUser } from '../user-mock/users.ts';
import { createUserService } from './user-service.ts';

const people = [1, 2, 3, 4, 5, 6].map(toUser);
const ids = people.map(({ id }) => id);
const [first, ...others] = people;

async function ask(answer: unknown) {
  const server = createServer((_request, response) => response.end(JSON.stringify(answer)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  return createUserService({ url: `http://127.0.0.1:${port}` }).fetchUsers(ids);
}

const nobody = expect.objectContaining({ fault: expect.stringMatching(/^\/id: / as RegExp) });
const { id: _, ...withoutId } = first ?? toUser(1);

it.each([
  ['without an id', withoutId],
  ['whose id is null', { ...first, id: null }],
  ['whose id is a number', { ...first, id: 17 }],
  ['whose id is of nobody who was asked for', { ...first, id: '' }],
  ['who is null', null],
  ['who is a list', []],
  ['who is a text', 'user'],
])('one person %s does not concern the others', async (_what, one) => {
  const users = await ask({ users: [one, ...others], missing: [] });
  for (const { id } of others) expect(users.get(id)).toMatchObject({ id });
  expect(users.get(ids[0] ?? '')).toEqual(nobody);
});

it('whoever is said to be missing is, whatever is said of others', async () => {
  const users = await ask({ users: [null, ...others.slice(1)], missing: ids.slice(0, 1) });
  expect(users.has(ids[0] ?? '')).toBe(false);
  expect(users.get(ids[1] ?? '')).toEqual(nobody);
});

it('when nobody at all has an id the service is down, and nobody is judged', async () => {
  await expect(ask({ users: people.map(() => withoutId), missing: [] })).rejects.toMatchObject({
    code: 'user-service_down',
  });
  expect((await ask({ users: [null], missing: ids.slice(1) })).get(ids[0] ?? '')).toEqual(nobody);
});
