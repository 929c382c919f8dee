// How many messages a text costs: what fits into one, in which alphabet (3GPP TS 23.038, TS 23.040).

export interface SmsParts {
  encoding: 'GSM-7' | 'UCS-2';
  count: number;
}

// The basic alphabet of TS 23.038 6.2.1, and the characters of its extension table, which take two places.
const GSM_BASIC = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
);
const GSM_EXTENSION = new Set('\f^{}\\[~]|€');

/** One character outside the 7-bit alphabet makes the whole text UCS-2. */
export function countSmsParts(text: string): SmsParts {
  const characters = [...text];
  const isGsm = characters.every((character) => GSM_BASIC.has(character) || GSM_EXTENSION.has(character));
  return isGsm
    ? { encoding: 'GSM-7', count: fill(characters, (character) => (GSM_EXTENSION.has(character) ? 2 : 1), 160, 153) }
    : { encoding: 'UCS-2', count: fill(characters, (character) => character.length, 70, 67) };
}

/** A character of two places (an escape, a surrogate pair) is never cut in two by the end of a part. */
function fill(
  characters: readonly string[],
  sizeOf: (character: string) => number,
  single: number,
  part: number,
): number {
  let parts = 1;
  let used = 0;
  let total = 0;
  for (const character of characters) {
    const size = sizeOf(character);
    total += size;
    if (used + size > part) {
      parts++;
      used = 0;
    }
    used += size;
  }
  return total <= single ? 1 : parts;
}
