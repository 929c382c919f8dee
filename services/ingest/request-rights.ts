// Whether a key may read or cancel a request: who made it is read by key, the rule is domain/key-rights.ts.
import { sql } from 'kysely';
import { findRightsFault, type RequestOwner } from '../../domain/key-rights.ts';
import { type Db, withDatabase } from '../../lib/db/database.ts';
import type { RequestOrigin } from '../../lib/db/tables.ts';
import type { ApiKey } from './api-keys.ts';
import { Problem } from './problem.ts';

/** A request that nobody knows passes: what is said of it is said by whoever looks for it. @throws Problem forbidden */
export async function requireRight(db: Db, key: ApiKey, requestId: string, what: 'read' | 'cancel'): Promise<void> {
  if (key.scopes.has('admin')) return;
  const owner = await findOwner(db, requestId);
  const fault = owner && findRightsFault(key, owner, what);
  if (fault !== undefined) throw new Problem('forbidden', fault);
}

async function findOwner(db: Db, requestId: string): Promise<RequestOwner | undefined> {
  const { rows } = await withDatabase(() =>
    sql<{ apiKeyId: string | null; origin: RequestOrigin | null; isMailing: boolean }>`
      select coalesce(r.api_key_id, a.api_key_id) as "apiKeyId", r.origin, m.mailing_id is not null as "isMailing"
      from (select ${requestId}::uuid as request_id) wanted
      left join requests r using (request_id)
      left join accepted a using (request_id)
      left join mailings m on m.mailing_id = wanted.request_id
      where r.request_id is not null or a.request_id is not null or m.mailing_id is not null`.execute(db),
  );
  const [row] = rows;
  if (!row) return undefined;
  if (row.apiKeyId !== null) return { kind: 'key', apiKeyId: row.apiKeyId };
  return row.isMailing || (row.origin !== null && row.origin !== 'request') ? { kind: 'panel' } : { kind: 'topic' };
}
