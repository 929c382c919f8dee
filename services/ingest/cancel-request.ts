// POST /api/v1/requests/{id}/cancel: says that what is not sent yet is not to be sent. The dispatcher reads it at every
// claim, the mailing runner before it plans on; both end what they find as skipped(cancelled).
import { sql } from 'kysely';
import { type Db, withDatabase } from '../../lib/db/database.ts';
import { type ApiKey, toWho } from './api-keys.ts';
import { Problem } from './problem.ts';
import { findRequest } from './request-queries.ts';
import { requireRight } from './request-rights.ts';

/**
 * Cancelled twice is cancelled once; what was paused is cancelled.
 * @throws Problem forbidden, not_found or request_ended; DependencyError('postgres')
 */
export async function cancelRequest(db: Db, requestId: string, key: ApiKey): Promise<void> {
  await requireRight(db, key, requestId, 'cancel');
  const status = await findRequest(db, requestId);
  if (!status) throw new Problem('not_found', 'There is no request with this id.');
  if (status.state === 'done') throw new Problem('request_ended', 'It is done: everybody in it has an end already.');
  if (status.state === 'rejected') {
    throw new Problem(
      'request_ended',
      `It was rejected, and nothing of it is sent: ${status.detail ?? 'no reason kept'}.`,
    );
  }
  await withDatabase(() => hold(db, requestId, key));
}

/** The first to cancel is who cancelled it. */
async function hold(db: Db, requestId: string, { apiKeyId, name }: ApiKey): Promise<void> {
  await sql`
    with held as (
      insert into holds (request_id, state, changed_by) values (${requestId}, 'cancelled', ${name})
      on conflict (request_id) do update
        set state = excluded.state, changed_at = now(), changed_by = excluded.changed_by
        where holds.state <> excluded.state
      returning request_id
    )
    insert into audit (who, action, subject, detail)
    select ${toWho(name)}, 'request.cancelled', 'request ' || request_id, ${JSON.stringify({ key: apiKeyId })}::jsonb
    from held`.execute(db);
}
