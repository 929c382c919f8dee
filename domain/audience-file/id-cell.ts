// One cell with a user id, as people write and programs export it: the id, or what is wrong in words.
import { isErasedId, isUserId } from '../ids.ts';

export type IdCell = { id: string } | { fault: string };

const maxIdChars = 64;
/** Blanks of every kind and signs without width, which nobody sees at the ends of a cell. */
const unseen = /^[\s\p{Cf}]+|[\s\p{Cf}]+$/gu;
/** `- u-1`, `• u-1`, `12. u-1`: with a blank behind, for an id may begin with a hyphen or a number. */
const listMark = /^\s*(?:[-*+•‣▪–—·]|\d{1,7}[.)])\s+/u;
const quotes = /^(?:'(.*)'|"(.*)"|“(.*)”|„(.*)[“”]|«(.*)»|`(.*)`)$/u;

export function readIdCell(cell: string): IdCell {
  // Also a bound for the patterns below.
  const trimmed = cell.trim();
  if (trimmed.length > 4 * maxIdChars) return { fault: tooLong(trimmed) };
  const text = unquote(stripListMark(trimmed.replace(unseen, '')));
  const fault = findFault(text);
  return fault === undefined ? { id: text } : { fault };
}

export function stripListMark(line: string): string {
  return line.replace(listMark, '');
}

/** Numbers of 17 digits and more that end in zeros behind the fifteenth: a spreadsheet keeps no more digits. */
export function isRoundedNumber(id: string): boolean {
  return id.length >= 17 && /^\d+$/.test(id) && /^0+$/.test(id.slice(15));
}

function unquote(text: string): string {
  const inside = quotes
    .exec(text)
    ?.slice(1)
    .find((part) => part !== undefined);
  // An apostrophe in front is the mark of a spreadsheet for text.
  return (inside ?? text.replace(/^'/, '')).replace(unseen, '');
}

/** What a spreadsheet or a program made of a number is often an id by its signs. */
function findFault(text: string): string | undefined {
  if (text === '') return 'there is no id in this row';
  if (/^\d[.,]?\d*e[+-]\d+$/i.test(text) || /^\d[.,]\d+e\d+$/i.test(text))
    return 'a spreadsheet has shortened this number, and its digits are lost: format the column as text and export it again';
  if (/^\d+[.,]0+$/.test(text)) return 'a program has made a decimal number of this id: format the column as text';
  if (isErasedId(text)) return 'this person was erased';
  if (/^[._:-]+$/.test(text)) return 'an id has at least one letter or digit';
  return isUserId(text) ? undefined : explain(text);
}

function explain(text: string): string {
  const stranger = /[^A-Za-z0-9._:-]/u.exec(text)?.[0];
  if (stranger === undefined) return tooLong(text);
  if (/\s/u.test(stranger)) return 'an id has no blanks';
  if (stranger === '@') return 'this is an address; people are named by their ids';
  return `an id has letters A to Z, digits and . _ : - only, not ${nameSign(stranger)}`;
}

/** What nobody sees is named by its number. */
function nameSign(sign: string): string {
  if (!/\p{C}/u.test(sign)) return JSON.stringify(sign);
  return `U+${sign.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}`;
}

function tooLong(text: string): string {
  return `it is ${text.length} characters long; ${maxIdChars} are allowed`;
}
