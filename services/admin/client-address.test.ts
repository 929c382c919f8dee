import { expect, it } from 'vitest';
import { ConfigError } from '../../lib/errors.ts';
import { clientAddress, toAddress, toNetwork, toTrustedProxies } from './client-address.ts';

const proxies = toTrustedProxies(['10.0.0.0/8', '192.0.2.1', 'fd00:0::/8', '::ffff:172.16.0.0/108']);

it.each([
  ['203.0.113.9', undefined, '203.0.113.9'],
  // A stranger's word does not count.
  ['203.0.113.9', '198.51.100.1', '203.0.113.9'],
  ['10.1.2.3', '198.51.100.1', '198.51.100.1'],
  ['::ffff:10.1.2.3', '198.51.100.1', '198.51.100.1'],
  ['::ffff:0a01:0203', '198.51.100.1', '198.51.100.1'],
  ['192.0.2.1', '198.51.100.1, 10.9.9.9', '198.51.100.1'],
  ['192.0.2.2', '198.51.100.1', '192.0.2.2'],
  ['172.31.255.255', '198.51.100.1', '198.51.100.1'],
  ['172.32.0.0', '198.51.100.1', '172.32.0.0'],
  ['fd12::1', '2001:DB8:0:0::0:1', '2001:db8::1'],
  // What the client wrote itself stands before what the first proxy saw.
  ['10.0.0.1', '1.1.1.1, 198.51.100.1', '198.51.100.1'],
  ['10.0.0.1', '198.51.100.1, 10.0.0.2 ,10.0.0.3', '198.51.100.1'],
  ['10.0.0.1', '198.51.100.1, unknown', '10.0.0.1'],
  ['10.0.0.1', '198.51.100.1, unknown, 10.0.0.2', '10.0.0.2'],
  ['10.0.0.1', '198.51.100.1,,', '198.51.100.1'],
  ['10.0.0.1', '198.51.100.1:4711', '198.51.100.1'],
  ['10.0.0.1', '[2001:db8::7]:4711', '2001:db8::7'],
  ['10.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
  ['10.0.0.1', '10.7.7.7, 10.0.0.2', '10.7.7.7'],
  ['10.0.0.1', '', '10.0.0.1'],
  ['10.0.0.1', undefined, '10.0.0.1'],
  [undefined, '198.51.100.1', 'unknown'],
])('of %s with "%s" before it the caller is %s', (direct, forwardedFor, caller) => {
  expect(clientAddress(direct, forwardedFor, proxies)).toBe(caller);
});

it.each([
  '10.0.0.0/33',
  '10.0.0/8',
  'proxy.example',
  'fd00::/129',
  '10.0.0.1/',
  '10.0.0.1/8/8',
  '10.0.0.1:80',
  '::ffff:10.0.0.0/95',
  '*',
])('a proxy "%s" keeps the service from starting', (entry) => {
  const read = () => toTrustedProxies(['10.0.0.1', entry]);
  expect(read).toThrow(ConfigError);
  expect(read).toThrow(`TRUSTED_PROXIES: ${entry} is neither`);
});

it.each([
  ['198.51.100.1', '198.51.100.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:0:0:ffff::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
  ['::ffff:198.51.100.1', '198.51.100.1'],
])('%s is counted as %s', (text, network) => {
  expect(toNetwork(toAddress(text) ?? '')).toBe(network);
});
