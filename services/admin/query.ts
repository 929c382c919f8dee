// What a page is asked for in the query of its address. One way to read a parameter: what is left empty counts as not there, and
// what cannot be read is said (400), never passed over: a page that shows something else than was asked for misleads.
import { PageError } from './page-error.ts';
import type { AdminContext } from './parts.ts';

/**
 * A text that somebody looks for, trimmed; '' where there is none.
 * @throws PageError 400
 */
export function queryText(c: AdminContext, name: string, maxChars = 400): string {
  const text = (c.req.query(name) ?? '').trim();
  if (text.length > maxChars) throw new PageError(400, `In the address, ${name} has more than ${maxChars} characters.`);
  return text;
}

/**
 * @param read undefined for a text that is none
 * @throws PageError 400
 */
export function readQuery<T>(c: AdminContext, name: string, read: (text: string) => T | undefined): T | undefined {
  const text = c.req.query(name) ?? '';
  if (text === '') return undefined;
  const value = read(text);
  if (value === undefined) throw new PageError(400, `In the address, ${name} cannot be read. Go back, then try again.`);
  return value;
}

/** @throws PageError 400 */
export function queryChoice<T extends string>(c: AdminContext, name: string, choices: readonly T[]): T | undefined {
  return readQuery(c, name, (text) => choices.find((choice) => choice === text));
}
