// Where a caller is, for the throttle of log-ins: a proxy's word (X-Forwarded-For) counts only when the proxy is trusted.
import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { ConfigError } from '../../lib/errors.ts';

export interface TrustedProxies {
  /** @param address as `toAddress` gives it */
  has(address: string): boolean;
}

/**
 * @param entries addresses and networks, such as `10.0.0.0/8` or `fd00::/8`
 * @throws ConfigError naming each one that is neither
 */
export function toTrustedProxies(entries: readonly string[]): TrustedProxies {
  const networks = new BlockList();
  const faults = entries.filter((entry) => !addEntry(networks, entry));
  if (faults.length > 0) {
    throw new ConfigError(
      faults.map((entry) => `TRUSTED_PROXIES: ${entry} is neither an address nor a network such as 10.0.0.0/8`),
    );
  }
  return { has: (address) => networks.check(address, isIPv4(address) ? 'ipv4' : 'ipv6') };
}

function addEntry(networks: BlockList, entry: string): boolean {
  const [text = '', bits, ...rest] = entry.split('/');
  const given = text.trim();
  const address = toAddress(given);
  if (address === undefined || rest.length > 0 || !(isIPv4(given) || isIPv6(given))) return false;
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  const whole = isIPv4(address) ? 32 : 128;
  if (bits !== undefined && !/^\d{1,3}$/.test(bits)) return false;
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
  const mappedBits = isIPv4(address) && isIPv6(given) ? 96 : 0;
  const prefix = bits === undefined ? whole : Number(bits) - mappedBits;
  if (prefix < 0 || prefix > whole) return false;
  networks.addSubnet(address, prefix, family);
  return true;
}

/**
 * @param direct who is connected
 * @param forwardedFor the header: each proxy has added, at the end, who was connected to it
 * @returns the first one from the end that is not a trusted proxy, in one notation; `unknown` when there is none
 */
export function clientAddress(
  direct: string | undefined,
  forwardedFor: string | undefined,
  proxies: TrustedProxies,
): string {
  let address = toAddress(direct ?? '') ?? 'unknown';
  for (const hop of (forwardedFor ?? '').split(',').reverse()) {
    if (address === 'unknown' || !proxies.has(address)) break;
    if (hop.trim() === '') continue;
    const next = toAddress(hop);
    // Whatever stands before a word that is no address, a client may have written.
    if (next === undefined) break;
    address = next;
  }
  return address;
}

/** What is counted as one caller: an IPv4 address, or the /64 of an IPv6 address, of which one machine may have any. */
export function toNetwork(address: string): string {
  if (!isIPv6(address)) return address;
  const [head = '', tail = ''] = address.split('::');
  const [first, last] = [head, tail].map((part) => part.split(':').filter((group) => group !== ''));
  const zeros = address.includes('::') ? 8 - (first?.length ?? 0) - (last?.length ?? 0) : 0;
  const groups = [...(first ?? []), ...new Array<string>(zeros).fill('0'), ...(last ?? [])];
  return `${groups.slice(0, 4).join(':')}::/64`;
}

/**
 * One notation for each address: IPv6 as RFC 5952 has it, an IPv4-mapped one as IPv4; without port, brackets and zone.
 * Undefined for what is no address.
 */
export function toAddress(text: string): string | undefined {
  const bare = text.trim().replace(/^\[([^\]]*)\](?::\d{1,5})?$/, '$1');
  const address = bare.replace(/^(\d{1,3}(?:\.\d{1,3}){3}):\d{1,5}$/, '$1').replace(/%.*$/, '');
  if (isIPv4(address)) return address;
  if (!isIPv6(address)) return undefined;
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(canonical);
  if (!mapped) return canonical;
  const halves = [mapped[1], mapped[2]].map((half) => Number.parseInt(half ?? '0', 16));
  return halves.flatMap((half) => [half >> 8, half & 0xff]).join('.');
}
