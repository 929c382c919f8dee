import { expect, it } from 'vitest';
import { createKnownPeople } from './known-people.ts';

const numbered = (count: number) => Array.from({ length: count }, (_, number) => `u-${number}`);
const lines = (ids: readonly string[]) => ids.map((_, index) => index + 1);

it('asks for each person once, for at most 1,000 at once and in four calls at a time', async () => {
  const calls: number[] = [];
  let running = 0;
  let most = 0;
  const people = createKnownPeople({
    async fetchUsers(ids) {
      calls.push(ids.length);
      most = Math.max(most, ++running);
      await new Promise(setImmediate);
      running -= 1;
      return new Map(ids.map((id) => [id, { fault: '' }]));
    },
  });
  const ids = [...numbered(9_500), 'u-0', 'u-1'];
  expect(await people.take({ ids, lines: lines(ids) })).toEqual(ids);
  expect([calls.reduce((sum, count) => sum + count), Math.max(...calls), most]).toEqual([9_500, 1_000, 4]);
});

it('lists the first twenty who are unknown in the order of the file, and counts all', async () => {
  const people = createKnownPeople({ fetchUsers: async () => new Map([['u-7', { fault: '' }]]) });
  const ids = ['76159173374952500', ...numbered(3_000)];
  expect(await people.take({ ids, lines: lines(ids) })).toEqual(['u-7']);
  expect([people.unknownCount, people.unknown.length]).toEqual([3_000, 20]);
  expect(people.unknown.slice(0, 2)).toEqual([
    { line: 1, text: '76159173374952500', why: expect.stringContaining('rounded') },
    { line: 2, text: 'u-0', why: 'the user service does not know this id' },
  ]);
});
