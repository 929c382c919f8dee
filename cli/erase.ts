// `posthorn erase`: takes a person out of everything that Posthorn keeps, and sees to it that nothing is sent to them any more.
import { hash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import { z } from 'zod';
import { isUserId, newErasedId } from '../domain/ids.ts';
import { keyedHash } from '../domain/keyed-hash.ts';
import { linkVariables, readConfig } from '../lib/config.ts';
import type { Db } from '../lib/db/database.ts';
import { PosthornError } from '../lib/errors.ts';
import type { Call, Command } from './command.ts';
import { stopPlanning, stopSending } from './erase/stop-sending.ts';
import { takeOut } from './erase/take-out.ts';
import { findPerson, type Person } from './person/find-person.ts';
import { countPlaces } from './person/places.ts';
import { withReadyDatabase } from './ready-database.ts';
import { toTable } from './table.ts';

export const erase: Command = {
  summary: 'erase a person: what was sent to them keeps its numbers and loses its person',
  help: `posthorn erase <user id> [--also <text>]… [--execute | --readmit]

Says what is known of the person. With --execute: what is planned or waits for them ends as skipped (cancelled) and is not sent, what is
being sent at this moment is waited for; then their id is replaced by one that nobody has, wherever it stands; addresses, servers'
answers, contexts and Idempotency-Keys of requests for them alone, unsubscribes, reports, and suppressions of addresses that are
theirs alone are deleted; they are taken off the lists of mailings and files. The numbers of mailings stay as they are. Run again, it
does what is left.

  --also <text>   an earlier address, a phone number or the full name: it is taken out of reasons, searches and the audit log as well,
                  as the id and the addresses in the ledger are. Several times for several
  --execute       do it
  --readmit       undo only this: messages to the id are sent again, for somebody who came back

Nothing is sent to this id afterwards, and to their addresses nothing that they had refused: keyed hashes of both are kept.

Erase the person in the user service first: who is in a category there is planned again, and skipped. Topics cannot be changed: records
with the id, and rendered messages, stay in them for 7 days, outcomes and dead letters for 30; none of them is sent. Values of requests
to several people stay, for they are the others' as well. Backups are yours to see to. The audit log says that somebody was erased, with
a hash of the id. Reads DATABASE_URL, POSTHORN_SECRET.`,
  run: (call) => withReadyDatabase(call.env, 'posthorn-erase', (db) => act(db, call)),
};

async function act(db: Db, call: Call): Promise<void> {
  const { values, positionals } = parseArgs({
    args: call.args,
    allowPositionals: true,
    options: {
      execute: { type: 'boolean', default: false },
      readmit: { type: 'boolean', default: false },
      also: { type: 'string', multiple: true, default: [] },
    },
  });
  const [userId, ...others] = positionals;
  if (userId === undefined || others.length > 0) throw new PosthornError('usage', `say whom.\n\n${erase.help}`);
  if (!isUserId(userId))
    throw new PosthornError('usage', `'${userId}' is not a user id: 1 to 64 of A-Z a-z 0-9 . _ : -`);
  const { POSTHORN_SECRET: secret } = readConfig(
    z.object({ POSTHORN_SECRET: linkVariables.POSTHORN_SECRET }),
    call.env,
  );
  if (values.readmit) return readmit(db, userId, secret, call.print);
  const erasedId = newErasedId();
  const person = await findPerson(db, userId, { also: values.also, erasedId });
  const subjects = toSubjects(userId, secret);
  const erasedAt = await findErasure(db, Object.values(subjects));
  const found = (await countPlaces(db, person)).filter(({ count }) => count > 0);
  if (erasedAt) call.print(`This person was erased on ${erasedAt.toISOString().slice(0, 10)}.`);
  if (found.length === 0 && !(erasedAt && values.execute)) return call.print('Nothing is known of this person.');
  for (const line of toTable(found.map(({ words, count }) => [words, count.toLocaleString('en')]))) call.print(line);
  if (!values.execute) return call.print('\nDry run: nothing was changed. --execute erases it, for good.');
  await stopPlanning(db, person, erasedId);
  const { untoldCount } = await stopSending(db, person, call.print);
  const counts = Object.fromEntries(found.map(({ name, count }) => [name, count]));
  const detail = { ...counts, untold: untoldCount };
  await takeOut(db, person, { erasedId, secret, ...subjects, who: 'cli', detail });
  if (untoldCount > 0) {
    call.print(`${untoldCount} of what waited ended without a word on notifications.outcomes: no dispatcher took it.`);
  }
  await tellWhatRemains(db, person, call.print);
}

async function readmit(db: Db, userId: string, secret: string, print: Call['print']): Promise<void> {
  const hashed = keyedHash(secret, 'person', userId);
  const { rows } = await sql`delete from erased_people where hash = ${hashed} returning 1`.execute(db);
  if (rows.length === 0) return print('Nothing was changed: messages to this id are not kept back.');
  const { subject } = toSubjects(userId, secret);
  await sql`insert into audit (who, action, subject) values ('cli', 'person.readmitted', ${subject})`.execute(db);
  print('Messages to this id are sent again.');
}

/** How the audit log names somebody who is erased; the plain one is that of the releases before. */
export function toSubjects(userId: string, secret: string): { subject: string; plainSubject: string } {
  return {
    subject: `person hmac:${keyedHash(secret, 'person', userId).toString('hex')}`,
    plainSubject: `person sha256:${hash('sha256', userId, 'hex')}`,
  };
}

export async function findErasure(db: Db, subjects: readonly string[]): Promise<Date | undefined> {
  const { rows } = await sql<{ at: Date | null }>`
    select max(at) as at from audit where subject = any(${subjects as string[]}::text[]) and action = 'person.erased'`.execute(
    db,
  );
  return rows[0]?.at ?? undefined;
}

/** What cannot be taken out, and why. */
async function tellWhatRemains(db: Db, person: Person, print: Call['print']): Promise<void> {
  const shared = person.requestIds.length - person.ownRequestIds.length;
  if (shared > 0) {
    print(
      `Kept: the values (context) of ${shared.toLocaleString('en')} requests and mailings to several people, for they are the others' as well.`,
    );
  }
  const { rows } = await sql<{ id: string }>`
    select request_id as id from requests
    where not planning_complete and cursor in (${`named:${person.userId}`}, ${`members:${person.userId}`})`.execute(db);
  for (const { id } of rows)
    print(`Kept until it is planned: the id as the place where request ${id} goes on. Run this again then.`);
  print(
    '\nErased. Topics still hold records with the id: for 7 days, outcomes and dead letters for 30. Nothing of them is sent.',
  );
}
