// What stands for a person or an address where neither may be kept: whoever has the database alone cannot try ids and
// addresses until one fits, as with a plain SHA-256. The key is POSTHORN_SECRET; another secret makes other hashes.
import { createHmac } from 'node:crypto';
import type { Channel } from './ids.ts';

/** @param value a user id, or the address of that channel; letter case of an address does not matter */
export function keyedHash(secret: string, subject: 'person' | Channel, value: string): Buffer {
  const text = subject === 'person' ? value : value.toLowerCase();
  return createHmac('sha256', secret).update(`posthorn ${subject} 1\n${text}`).digest();
}
