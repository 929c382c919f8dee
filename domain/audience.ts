// Whom a request may name: how many people and categories in one call, and how a category is written.

export const maxUserIds = 10_000;
export const maxCategories = 100;

const categoryName = /^[\p{L}\p{N}._:-]{1,64}$/u;
/** The rule of isCategoryName, for people. */
export const categoryRule = 'must be the name of a category: 1 to 64 letters, digits and . _ : -';

export function isCategoryName(text: string): boolean {
  return categoryName.test(text);
}
