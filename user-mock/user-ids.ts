// Number ↔ id. Ids look like UUIDs (version 8, RFC 9562) and sort as their numbers do, so paging by id is paging by number.
import { hashNumber } from './number-hash.ts';

export const USER_COUNT = 1_000_000;

// Each number owns this many of the 2^32 values of the first eight hex digits; a hash picks one of them.
const SPAN = Math.floor(2 ** 32 / USER_COUNT);
const HEX_DIGITS = Buffer.from('0123456789abcdef', 'latin1');
// Every id is written into the same bytes (nothing here waits): four times as fast as joining strings.
const idBytes = Buffer.from('........-....-8...-....-............', 'latin1');

/** @param number 0 to USER_COUNT - 1 */
export function toUserId(number: number): string {
  const middle = hashNumber(number, 102);
  const tail = hashNumber(number, 104);
  writeHex(0, 8, number * SPAN + (hashNumber(number, 101) % SPAN));
  writeHex(9, 4, middle);
  writeHex(15, 3, middle >>> 16);
  // The two upper bits of this digit are the variant: 8, 9, a or b.
  writeHex(19, 1, 8 | (tail & 3));
  writeHex(20, 3, tail >>> 4);
  writeHex(24, 8, hashNumber(number, 103));
  writeHex(32, 4, tail >>> 16);
  return idBytes.toString('latin1');
}

/** @returns the number of a person who exists, null for any other text */
export function fromUserId(id: string): number | null {
  const lead = Number.parseInt(id.slice(0, 8), 16);
  const number = Math.floor(lead / SPAN);
  // Comparing the whole id refuses what only begins like one: NaN, other digits, upper case, trailing text.
  return number >= 0 && number < USER_COUNT && toUserId(number) === id ? number : null;
}

/** Writes the `count` lowest hex digits of a value. */
function writeHex(offset: number, count: number, value: number): void {
  let rest = value;
  for (let at = offset + count - 1; at >= offset; at--) {
    idBytes[at] = HEX_DIGITS[rest & 15] as number;
    rest >>>= 4;
  }
}
