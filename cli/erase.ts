// `posthorn erase`: takes a person out of everything that Posthorn keeps, and sees to it that nothing is sent to them any more.
import { hash } from 'node:crypto';
import { parseArgs } from 'node:util';
import { isUserId, newErasedId } from '../domain/ids.ts';
import type { Db } from '../lib/db/database.ts';
import { PosthornError } from '../lib/errors.ts';
import type { Call, Command } from './command.ts';
import { type Found, findPerson } from './erase/find-person.ts';
import { stopPlanning, stopSending } from './erase/stop-sending.ts';
import { takeOut } from './erase/take-out.ts';
import { withReadyDatabase } from './ready-database.ts';
import { toTable } from './table.ts';

export const erase: Command = {
  summary: 'erase a person: what was sent to them keeps its numbers and loses its person',
  help: `posthorn erase <user id> [--execute]

Says what is known of the person. With --execute: what is planned or waits for them ends as skipped (cancelled) and is not sent, what is
being sent at this moment is waited for; then their id is replaced by one that nobody has, in deliveries, chunks, requests, test-sends,
replays and the audit log; addresses, servers' answers, contexts of requests for them alone, unsubscribes, reports, and suppressions of
addresses that are theirs alone are deleted; they are taken off the lists of mailings. The numbers of mailings stay as they are. Run
again, it does what is left.

Erase the person in the user service first: who is in a category there is written to again. Topics cannot be changed: records with the
id, and rendered messages, stay in them for 7 days, outcomes and dead letters for 30; none of them is sent. Backups are yours to see to.
The audit log says that somebody was erased, with a hash of the id. Reads DATABASE_URL.`,
  run: (call) => withReadyDatabase(call.env, 'posthorn-erase', (db) => act(db, call)),
};

async function act(db: Db, call: Call): Promise<void> {
  const { values, positionals } = parseArgs({
    args: call.args,
    allowPositionals: true,
    options: { execute: { type: 'boolean', default: false } },
  });
  const [userId, ...others] = positionals;
  if (userId === undefined || others.length > 0) throw new PosthornError('usage', `say whom.\n\n${erase.help}`);
  if (!isUserId(userId))
    throw new PosthornError('usage', `'${userId}' is not a user id: 1 to 64 of A-Z a-z 0-9 . _ : -`);
  const found = await findPerson(db, userId);
  const rows = Object.entries(found).filter(([, count]) => count > 0);
  if (rows.length === 0) return call.print('Nothing is known of this person.');
  for (const line of toTable(rows.map(([name, count]) => [words[name as keyof Found], count.toLocaleString('en')]))) {
    call.print(line);
  }
  if (!values.execute) return call.print('\nDry run: nothing was changed. --execute erases it, for good.');
  await execute(db, userId, found, call.print);
}

const words: Readonly<Record<keyof Found, string>> = {
  deliveries: 'messages in the ledger, which keep their numbers',
  open: '  of these without an end yet',
  waiting: 'messages that wait, with their text',
  chunks: 'chunks that they are planned in',
  requests: 'requests that name them',
  mailing_people: 'lists of mailings that they are on',
  unsubscribes: 'unsubscribes',
  suppressions: 'suppressed addresses that are theirs alone',
  feedback: 'reports (bounces, complaints)',
  test_sends: 'test-sends with their data',
  replays: 'replays that name them',
  audit: 'entries of the audit log that name them',
};

async function execute(db: Db, userId: string, found: Found, print: Call['print']): Promise<void> {
  const erasedId = newErasedId();
  await stopPlanning(db, userId, erasedId);
  const { untoldCount } = await stopSending(db, userId, print);
  await takeOut(db, userId, erasedId, {
    who: 'cli',
    subject: `person sha256:${hash('sha256', userId, 'hex')}`,
    detail: { ...found, untold: untoldCount },
  });
  if (untoldCount > 0) {
    print(`${untoldCount} of what waited ended without a word on notifications.outcomes: no dispatcher took it.`);
  }
  print(
    '\nErased. Topics still hold records with the id: for 7 days, outcomes and dead letters for 30. Nothing of them is sent.',
  );
}
