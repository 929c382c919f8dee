// Mixes a person's number into 32 bits, so that every property can be computed from the number and none follows another.

/**
 * @param salt one per property: two salts give values that are independent of each other
 * @returns an unsigned 32-bit integer (the "lowbias32" finaliser of Chris Wellons' hash prospector)
 */
export function hashNumber(number: number, salt: number): number {
  let mixed = (number + Math.imul(salt, 0x9e3779b9)) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
  return (mixed ^ (mixed >>> 15)) >>> 0;
}
