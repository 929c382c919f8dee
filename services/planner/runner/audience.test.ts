import { describe, expect, it } from 'vitest';
import { nextPage, type Sources, toPosition } from './audience.ts';

/** Named people and members by their ids, in order. */
function sourcesOf(named: readonly string[], members?: readonly string[]): Sources {
  return {
    listNamed: async (after, limit) => named.filter((id) => id > after).slice(0, limit),
    findNamed: async (ids) => new Set(ids.filter((id) => named.includes(id))),
    listMembers: members
      ? async (after, limit) => {
          const left = members.filter((id) => id > (after ?? ''));
          const ids = left.slice(0, limit);
          return { ids, next: left.length > limit ? (ids.at(-1) ?? null) : null };
        }
      : undefined,
  };
}

async function walk(sources: Sources, limit: number): Promise<string[][]> {
  const pages: string[][] = [];
  for (let cursor = ''; ; ) {
    const page = await nextPage(sources, cursor, limit);
    pages.push(page.userIds);
    if (page.atEnd) return pages;
    cursor = page.cursor;
  }
}

describe('an audience', () => {
  const named = ['b', 'd', 'x'];
  const members = ['a', 'b', 'c', 'd', 'e'];

  it.each([1, 2, 3, 4, 10])(
    'is named people first, then the members who were not named (pages of %i)',
    async (limit) => {
      const pages = await walk(sourcesOf(named, members), limit);
      expect(pages.flat()).toEqual(['b', 'd', 'x', 'a', 'c', 'e']);
      expect(Math.max(...pages.map((page) => page.length))).toBeLessThanOrEqual(limit);
    },
  );

  it('ends after the named people when it has no categories, and after the members when nobody is named', async () => {
    expect(await walk(sourcesOf(named), 2)).toEqual([['b', 'd'], ['x']]);
    expect(await walk(sourcesOf([], members), 3)).toEqual([
      ['a', 'b', 'c'],
      ['d', 'e'],
    ]);
  });

  it('is one empty page when there is nobody', async () => {
    expect(await walk(sourcesOf([]), 5)).toEqual([[]]);
    expect(await walk(sourcesOf([], []), 5)).toEqual([[]]);
  });

  it('passes over pages whose people were all named', async () => {
    expect(await walk(sourcesOf(['a', 'b', 'c', 'd'], members), 4)).toEqual([['a', 'b', 'c', 'd'], ['e']]);
  });

  it('goes on from the same cursor with the same people', async () => {
    const sources = sourcesOf(named, members);
    const { cursor } = await nextPage(sources, '', 2);
    expect(await nextPage(sources, cursor, 2)).toEqual(await nextPage(sources, cursor, 2));
  });

  it('counts a person once whom the user service lists twice', async () => {
    const sources = { ...sourcesOf([]), listMembers: async () => ({ ids: ['a', 'a', 'b'], next: null }) };
    expect(await walk(sources, 5)).toEqual([['a', 'b']]);
  });
});

describe('a cursor', () => {
  it('keeps ids that hold a colon', () => {
    expect(toPosition('named:urn:x:1')).toEqual({ among: 'named', after: 'urn:x:1' });
    expect(toPosition('')).toEqual({ among: 'named', after: '' });
  });

  it('of another notation is refused', () => {
    expect(() => toPosition('page 7')).toThrowError("a cursor cannot be 'page 7'");
  });
});
