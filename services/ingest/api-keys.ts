// Who is calling, and what the key may do. Looked up by hash, remembered for a few seconds, unknown keys too, so that
// neither a busy caller nor a wrong one costs a statement for each call.
import { hash } from 'node:crypto';
import { sql } from 'kysely';
import type { ApiKeyScope } from '../../domain/key-rights.ts';
import { type Db, withDatabase } from '../../lib/db/database.ts';
import { createGatherer } from './gather.ts';
import { Problem } from './problem.ts';
import { readWithinLimit } from './time-limit.ts';

export interface ApiKey {
  apiKeyId: string;
  /** For people. */
  name: string;
  scopes: ReadonlySet<ApiKeyScope>;
}

/** As the audit log names whoever uses it. */
export const toWho = (name: string): string => `key ${name}`;

export interface ApiKeys {
  /** @throws Problem unauthorized or forbidden; DependencyError('postgres') */
  authorize(authorization: string | undefined, scope: ApiKeyScope): Promise<ApiKey>;
  drain(): Promise<void>;
}

/** How long a revoked key may go on working. */
const knownForMs = 5_000;
/** How long a new key may be refused that somebody tried before it was made. */
const unknownForMs = 2_000;
const maxRemembered = 10_000;
const bearer = /^Bearer +([A-Za-z0-9._~+/-]{1,256}=*)$/i;

interface Remembered {
  key: ApiKey | undefined;
  untilMs: number;
}

export function createApiKeys(db: Db, now: () => number = Date.now): ApiKeys {
  const remembered = new Map<string, Remembered>();
  const lookUp = createGatherer<string, ApiKey | undefined>({
    run: (hashes) => readKeys(db, hashes),
    windowMs: 1,
    maxCount: 200,
    maxRunning: 2,
  });

  const find = async (hashHex: string): Promise<ApiKey | undefined> => {
    const known = remembered.get(hashHex);
    if (known && known.untilMs > now()) return known.key;
    const key = await readWithinLimit(lookUp.add(hashHex));
    // Anybody can send any key: what is remembered has an end.
    if (remembered.size >= maxRemembered) remembered.clear();
    remembered.set(hashHex, { key, untilMs: now() + (key ? knownForMs : unknownForMs) });
    return key;
  };

  return {
    async authorize(authorization, scope) {
      const token = authorization === undefined ? undefined : bearer.exec(authorization)?.[1];
      if (token === undefined) {
        throw unauthorized('Send your API key as "Authorization: Bearer <API key>".', 'Bearer realm="posthorn"');
      }
      const key = await find(hash('sha256', token, 'hex'));
      if (!key) {
        const challenge = 'Bearer realm="posthorn", error="invalid_token"';
        throw unauthorized('There is no such API key, or it was revoked.', challenge);
      }
      if (!key.scopes.has(scope) && !key.scopes.has('admin')) {
        throw new Problem('forbidden', `This API key lacks the scope "${scope}".`, {
          headers: { 'www-authenticate': `Bearer realm="posthorn", error="insufficient_scope", scope="${scope}"` },
        });
      }
      return key;
    },
    drain: () => lookUp.drain(),
  };
}

/** RFC 6750 section 3. */
function unauthorized(detail: string, challenge: string): Problem {
  return new Problem('unauthorized', detail, { headers: { 'www-authenticate': challenge } });
}

async function readKeys(db: Db, hashes: readonly string[]): Promise<(ApiKey | undefined)[]> {
  const found = await withDatabase(() =>
    sql<{ api_key_id: string; name: string; hash: string; scopes: ApiKeyScope[] }>`
      select api_key_id, name, encode(key_hash, 'hex') as hash, scopes from api_keys
      where revoked_at is null and key_hash in (select decode(h, 'hex') from unnest(${[...hashes]}::text[]) as h)`.execute(
      db,
    ),
  );
  const byHash = new Map(
    found.rows.map((row): [string, ApiKey] => [
      row.hash,
      { apiKeyId: row.api_key_id, name: row.name, scopes: new Set(row.scopes) },
    ]),
  );
  return hashes.map((hashHex) => byHash.get(hashHex));
}
