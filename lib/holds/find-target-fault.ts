// Whether something can be put on hold at all, asked before a hold is placed by a page or a command.
import { sql } from 'kysely';
import { type HoldTarget, subjectsOf } from '../../domain/holds.ts';
import { isUuid } from '../../domain/ids.ts';
import { type Db, withDatabase } from '../db/database.ts';

/** @returns a sentence for people; undefined when the target is there @throws DependencyError('postgres') */
export async function findTargetFault(db: Db, { scope, subject }: HoldTarget): Promise<string | undefined> {
  const known = subjectsOf(scope);
  if (known) return known.includes(subject) ? undefined : `There is no ${scope} “${subject}”: ${known.join(', ')}.`;
  return scope === 'template' ? findTemplateFault(db, subject) : findRequestFault(db, subject);
}

async function findTemplateFault(db: Db, templateId: string): Promise<string | undefined> {
  const { rows } = await withDatabase(() =>
    sql`select from templates where template_id = ${templateId.replaceAll('\0', '')}`.execute(db),
  );
  return rows.length > 0 ? undefined : `There is no template with the short name “${templateId}”.`;
}

async function findRequestFault(db: Db, requestId: string): Promise<string | undefined> {
  if (!isUuid(requestId)) return 'This is no id of a request or mailing: it looks like 6f1c2b9e-….';
  const { rows } = await withDatabase(() =>
    sql<{ isOver: boolean; isCancelled: boolean }>`
      select r.ended_at is not null or r.state = 'rejected' as "isOver", h.state = 'cancelled' as "isCancelled"
      from (select ${requestId}::uuid as request_id) wanted
      left join requests r using (request_id)
      left join accepted a using (request_id)
      left join mailings m on m.mailing_id = wanted.request_id and m.status = 'confirmed'
      left join holds h on h.request_id = wanted.request_id
      where r.request_id is not null or a.request_id is not null or m.mailing_id is not null`.execute(db),
  );
  const [row] = rows;
  if (!row) return 'There is no request or confirmed mailing with this id.';
  if (row.isCancelled) return 'It is cancelled, and nothing of it is sent.';
  return row.isOver ? 'It is over: everybody in it has an end.' : undefined;
}
