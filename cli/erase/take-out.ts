// The last step of erasing a person: one transaction takes the id and all that speaks of them out of every place.
import { sql } from 'kysely';
import { keyedHash } from '../../domain/keyed-hash.ts';
import type { Db } from '../../lib/db/database.ts';
import type { Person } from '../person/find-person.ts';
import { mentionPlaces, takeNamesOut } from '../person/mentions.ts';
import { erasedWord } from '../person/names.ts';
import {
  isCommandOfTheirs,
  isCursorAt,
  isOwnRequest,
  isReportOfTheirs,
  isSuppressionOfTheirs,
  isTestedThere,
  isTestOfTheirs,
  isTheirs,
} from '../person/places.ts';

interface Erasure {
  erasedId: string;
  secret: string;
  /** The person in the audit log. */
  subject: string;
  /** As the releases before wrote it, without a key. */
  plainSubject: string;
  who: string;
  detail: object;
}

/** To be called once nothing of theirs is open. The deliveries go last: by them the rest is found. */
export async function takeOut(db: Db, person: Person, erasure: Erasure): Promise<void> {
  const { userId, addresses } = person;
  const { erasedId, subject, plainSubject } = erasure;
  const statements = [
    ...keepRefusals(person, erasure.secret),
    sql`delete from feedback where ${isReportOfTheirs(person)}`,
    sql`delete from delivery_commands where ${isCommandOfTheirs(person)}`,
    sql`delete from suppressions where ${isSuppressionOfTheirs(person)}`,
    sql`delete from known_addresses where user_id = ${userId}`,
    sql`delete from unsubscribes where user_id = ${userId}`,
    sql`update test_sends set user_id = case when user_id = ${userId} then ${erasedId} else user_id end,
          address = case when lower(address) = any(${addresses.map(({ address }) => address)}::text[])
            then ${erasedWord} else address end
        where ${isTestOfTheirs(person)}`,
    sql`update requests set test_address = ${erasedWord} where ${isTestedThere(person)}`,
    // What is still being planned needs to know where to go on: the id is a place in the order, and goes with the next page.
    sql`update requests set cursor = '' where ${isCursorAt(person)} and planning_complete`,
    // A call that comes again is answered as a new one, and its record meets the request's row.
    sql`delete from accepted where ${isOwnRequest(person)} and published_at is not null`,
    sql`update uploaded_people set user_ids = array_remove(user_ids, ${userId}) where ${userId} = any(user_ids)`,
    sql`update deliveries d set address = null, detail = '',
          user_id = case when user_id = ${userId} then ${erasedId} else user_id end
        where ${isTheirs(person)}`,
    sql`update audit set subject = ${subject} where subject = ${plainSubject}`,
  ];
  await db.transaction().execute(async (transaction) => {
    for (const statement of statements) await statement.execute(transaction);
    for (const place of mentionPlaces) await takeNamesOut(transaction, place, person.names);
    await sql`insert into audit (who, action, subject, detail)
        values (${erasure.who}, 'person.erased', ${subject}, ${JSON.stringify(erasure.detail)}::jsonb)`.execute(
      transaction,
    );
  });
}

/** Nothing is sent to the id any more, and to an address nothing that was refused for it (services/enricher/erased.ts). */
function keepRefusals({ userId, addresses }: Person, secret: string) {
  const add = sql`insert into erased_people (hash, subject, scope)`;
  return [
    sql`${add} values (${keyedHash(secret, 'person', userId)}, 'person', 'all') on conflict do nothing`,
    ...addresses.map(({ channel, address }) => {
      const hash = keyedHash(secret, channel, address);
      return sql`${add}
        select ${hash}::bytea, ${channel}::text, scope from (
          select scope from suppressions where channel = ${channel} and lower(address) = ${address}
          union all select 'promotional' from unsubscribes where channel = ${channel} and user_id = ${userId}
        ) refused order by scope limit 1
        on conflict (hash) do update set scope = least(erased_people.scope, excluded.scope)`;
    }),
  ];
}
