// The last step of erasing a person: one transaction takes the id and all that speaks of them out of every table.
import { sql } from 'kysely';
import type { Db } from '../../lib/db/database.ts';
import { isAuditOf, ownAddresses, ownReports } from './find-person.ts';

/** To be called once nothing of theirs is open. The deliveries go last: by them the rest is found. */
export async function takeOut(
  db: Db,
  userId: string,
  erasedId: string,
  entry: { who: string; subject: string; detail: object },
): Promise<void> {
  const theirs = sql`(select notification_id from deliveries where user_id = ${userId})`;
  const statements = [
    sql`delete from feedback where ${ownReports(userId)}`,
    sql`delete from delivery_commands where notification_id in ${theirs}`,
    sql`update audit set
          subject = case when subject = ${`person ${userId}`} then ${`person ${erasedId}`}
            when subject like 'address %' then 'address erased' else subject end,
          detail = case when detail->>'person' = ${userId}
            then jsonb_set(detail, '{person}', to_jsonb(${erasedId}::text)) else detail end
        where ${isAuditOf(userId)}`,
    sql`delete from suppressions where (channel, address) in (${ownAddresses(userId)})`,
    sql`delete from unsubscribes where user_id = ${userId}`,
    sql`update test_sends set user_id = ${erasedId} where user_id = ${userId}`,
    sql`update replays set filter = jsonb_set(filter, '{user_id}', to_jsonb(${erasedId}::text))
        where filter->>'user_id' = ${userId}`,
    sql`update deliveries set user_id = ${erasedId}, address = null, detail = '' where user_id = ${userId}`,
    sql`insert into audit (who, action, subject, detail)
        values (${entry.who}, 'person.erased', ${entry.subject}, ${JSON.stringify(entry.detail)}::jsonb)`,
  ];
  await db.transaction().execute(async (transaction) => {
    for (const statement of statements) await statement.execute(transaction);
  });
}
