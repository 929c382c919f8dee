// Where a test may go. Whoever writes templates could otherwise send any text to anybody, in the name of the house.
import type { Channel } from '../../../domain/ids.ts';

export interface TestAddressRule {
  /** In small letters. */
  domains: readonly string[];
  /** Beginnings of phone numbers, each with its plus sign. */
  phonePrefixes: readonly string[];
}

/**
 * @param ownName of whoever sends it: a log-in that is an address is one's own
 * @returns undefined where it may go there, else why not
 */
export function findTestAddressFault(
  { domains, phonePrefixes }: TestAddressRule,
  channel: Channel,
  address: string,
  ownName: string,
): string | undefined {
  if (channel === 'sms') {
    if (phonePrefixes.some((prefix) => address.startsWith(prefix))) return undefined;
    const where =
      phonePrefixes.length === 0 ? 'to no number' : `to numbers that begin with ${phonePrefixes.join(', ')}`;
    return `Tests by SMS go ${where} (TEST_PHONE_PREFIXES); an admin may send one elsewhere.`;
  }
  const domain = address.slice(address.lastIndexOf('@') + 1).toLowerCase();
  if (address.toLowerCase() === ownName.toLowerCase() || domains.includes(domain)) return undefined;
  const where = domains.length === 0 ? '' : `, or to an address at ${domains.join(', ')}`;
  return `Tests go to your own address${where} (TEST_ADDRESS_DOMAINS); an admin may send one elsewhere.`;
}
