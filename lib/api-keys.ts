// How an API key looks and how it is recognised: made here once, shown once, and afterwards known by its hash only.
import { hash, randomBytes } from 'node:crypto';

export interface NewApiKey {
  /** `ph_` and 43 characters of base64url (256 random bits). Show it once; keep it nowhere. */
  key: string;
  /** For api_keys.key_hash. */
  hash: Buffer;
  /** For api_keys.key_hint. */
  hint: string;
}

/** Random with as many bits as its hash, so that plain SHA-256 without salt or stretching is enough. */
export function newApiKey(): NewApiKey {
  const key = `ph_${randomBytes(32).toString('base64url')}`;
  return { key, hash: hashApiKey(key), hint: toApiKeyHint(key) };
}

/** SHA-256, 32 bytes. Takes any text, for a first key can be chosen through POSTHORN_API_KEY. */
export function hashApiKey(key: string): Buffer {
  return hash('sha256', key, 'buffer');
}

/** The first characters, for people to tell keys apart; never more than a quarter of the key. */
export function toApiKeyHint(key: string): string {
  return `${key.slice(0, Math.min(7, Math.floor(key.length / 4)))}…`;
}
