// An API key for a test, put where `posthorn keys create` would put it.
import { randomUUID } from 'node:crypto';
import type { ApiKeyScope } from '../../domain/key-rights.ts';
import { newApiKey } from '../../lib/api-keys.ts';
import type { Db } from '../../lib/db/database.ts';

export async function createApiKey(db: Db, ...scopes: ApiKeyScope[]): Promise<string> {
  const { key, hash, hint } = newApiKey();
  await db
    .insertInto('api_keys')
    .values({ api_key_id: randomUUID(), name: 'test', key_hash: hash, key_hint: hint, scopes, revoked_at: null })
    .execute();
  return key;
}
