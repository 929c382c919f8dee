// API keys of the HTTP ingest, as the pages make and revoke them; `posthorn keys` does the same.
import { sql } from 'kysely';
import type { ApiKeyScope } from '../../../domain/key-rights.ts';
import { type Db, withDatabase } from '../../../lib/db/database.ts';
import { writeAudit } from '../audit.ts';

export interface KeyRow {
  api_key_id: string;
  name: string;
  key_hint: string;
  scopes: ApiKeyScope[];
  created_at: Date;
  revoked_at: Date | null;
}

const revokedShown = 50;

/** All that work, and those revoked last. */
export async function listKeys(db: Db): Promise<KeyRow[]> {
  const { rows } = await withDatabase(() =>
    sql<KeyRow>`
      select api_key_id, name, key_hint, scopes, created_at, revoked_at from (
        select *, row_number() over (partition by revoked_at is null order by revoked_at desc) as n from api_keys
      ) numbered
      where revoked_at is null or n <= ${revokedShown}
      order by revoked_at is not null, revoked_at desc, name, created_at`.execute(db),
  );
  return rows;
}

/** @returns false when this very form was sent before: the key of that time is the one that works */
export async function addKey(
  db: Db,
  who: string,
  key: { apiKeyId: string; name: string; hash: Buffer; hint: string; scopes: readonly ApiKeyScope[] },
): Promise<boolean> {
  return withDatabase(() =>
    db.transaction().execute(async (transaction) => {
      const added = await transaction
        .insertInto('api_keys')
        .values({
          api_key_id: key.apiKeyId,
          name: key.name,
          key_hash: key.hash,
          key_hint: key.hint,
          scopes: [...key.scopes],
        })
        .onConflict((conflict) => conflict.column('api_key_id').doNothing())
        .returning('api_key_id')
        .executeTakeFirst();
      if (!added) return false;
      const detail = { name: key.name, scopes: key.scopes };
      await writeAudit(transaction, who, 'key.created', `key ${key.apiKeyId}`, detail);
      return true;
    }),
  );
}

/** @returns its name; undefined when it does not exist or was revoked already */
export async function revokeKey(db: Db, who: string, apiKeyId: string): Promise<string | undefined> {
  return withDatabase(() =>
    db.transaction().execute(async (transaction) => {
      const revoked = await transaction
        .updateTable('api_keys')
        .set({ revoked_at: sql`now()` })
        .where('api_key_id', '=', apiKeyId)
        .where('revoked_at', 'is', null)
        .returning('name')
        .executeTakeFirst();
      if (!revoked) return undefined;
      await writeAudit(transaction, who, 'key.revoked', `key ${apiKeyId}`, { name: revoked.name });
      return revoked.name;
    }),
  );
}
