// Which category a person is in, and pages of the people of some categories, without looking at anybody else.
import { USER_COUNT } from './user-ids.ts';

export type Category = 'active' | 'sleeping' | 'new' | 'vip' | 'staff' | 'press';

/** Sizes are exact: of every thousand consecutive numbers each category holds the same share. */
export const CATEGORIES: readonly { name: Category; count: number }[] = [
  { name: 'active', count: 600_000 },
  { name: 'sleeping', count: 289_000 },
  { name: 'new', count: 50_000 },
  { name: 'vip', count: 10_000 },
  { name: 'staff', count: 1_000 },
  { name: 'press', count: 50_000 },
];

const BLOCK = 1_000;
// Coprime with BLOCK, so that it only shuffles a block: neighbours are in different categories, counts stay exact.
const SHUFFLE = 617;
const CATEGORY_OF_RESIDUE = layOutBlock();

export function categoryOf(number: number): Category {
  return CATEGORY_OF_RESIDUE[number % BLOCK] as Category;
}

export function isCategory(name: string): name is Category {
  return CATEGORIES.some((category) => category.name === name);
}

/**
 * The people of all the named categories, each once, ascending.
 * @param after the number to go on after, -1 for the first page
 * @returns at most `limit` numbers, and whether anybody follows them
 */
export function pageNumbers(
  names: readonly Category[],
  after: number,
  limit: number,
): { numbers: number[]; more: boolean } {
  const wanted = new Set<Category>(names);
  const residues: number[] = [];
  for (let residue = 0; residue < BLOCK; residue++) {
    if (wanted.has(categoryOf(residue))) residues.push(residue);
  }
  const numbers: number[] = [];
  for (let block = Math.floor((after + 1) / BLOCK) * BLOCK; block < USER_COUNT; block += BLOCK) {
    for (const residue of residues) {
      const number = block + residue;
      if (number <= after) continue;
      if (numbers.length === limit) return { numbers, more: true };
      numbers.push(number);
    }
  }
  return { numbers, more: false };
}

function layOutBlock(): Category[] {
  const inOrder = CATEGORIES.flatMap(({ name, count }) => Array<Category>((count / USER_COUNT) * BLOCK).fill(name));
  return Array.from({ length: BLOCK }, (_, residue) => inOrder[(residue * SHUFFLE) % BLOCK] as Category);
}
