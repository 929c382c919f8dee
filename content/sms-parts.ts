// How long an SMS is and how many parts it is sent, and paid for, in. Pure.

export interface SmsSize {
  /** UCS-2 as soon as one character is outside GSM-7. */
  encoding: 'GSM-7' | 'UCS-2';
  /** As people count them. */
  characters: number;
  /** As parts count them: septets of GSM-7, in which some characters take two; code units of UCS-2. */
  units: number;
  parts: number;
  /** Units that still fit into the last part. */
  unitsLeft: number;
  /** Different characters that are not in GSM-7, at most five of them, in the order of the text. */
  outsideGsm: string[];
}

// 3GPP TS 23.038, 6.2.1 and 6.2.1.1. A table of national shifts (6.2.1.2) is not assumed of gateways.
const basic = new Set(
  '@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà',
);
const extension = new Set('\f^{}\\[~]|€');
/** In 140 octets; a text in several parts gives six of each to the header that joins them (TS 23.040, 9.2.3.24.1). */
const limits = { 'GSM-7': { alone: 160, joined: 153 }, 'UCS-2': { alone: 70, joined: 67 } } as const;

export function measureSms(text: string): SmsSize {
  const characters = [...text];
  const outside = new Set(characters.filter((character) => !basic.has(character) && !extension.has(character)));
  const encoding = outside.size === 0 ? 'GSM-7' : 'UCS-2';
  const sizes = characters.map((one) => (encoding === 'UCS-2' ? one.length : extension.has(one) ? 2 : 1));
  const units = sizes.reduce((sum, size) => sum + size, 0);
  const { alone, joined } = limits[encoding];
  const { parts, unitsLeft } =
    units <= alone ? { parts: units === 0 ? 0 : 1, unitsLeft: alone - units } : fillParts(sizes, joined);
  const outsideGsm = [...outside].slice(0, 5);
  return { encoding, characters: characters.length, units, parts, unitsLeft, outsideGsm };
}

/** A character of two units is never cut in two. */
function fillParts(sizes: readonly number[], room: number): { parts: number; unitsLeft: number } {
  let parts = 1;
  let unitsLeft = room;
  for (const size of sizes) {
    if (size > unitsLeft) {
      parts += 1;
      unitsLeft = room;
    }
    unitsLeft -= size;
  }
  return { parts, unitsLeft };
}
