// `posthorn ledger retention`: what is older than the ledger is kept goes. The ledger is what keeps a replay from sending
// twice, so it always outlives the topics.
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import type { Db } from '../lib/db/database.ts';
import { PosthornError } from '../lib/errors.ts';
import type { Call, Command } from './command.ts';
import { deleteOld } from './ledger/delete-old.ts';
import { type Aged, readAged } from './ledger/read-aged.ts';
import { withReadyDatabase } from './ready-database.ts';
import { toTable } from './table.ts';

/** Topics keep 30 days at most: what a record of theirs may still ask for must be there. */
const fewestDays = 31;
const defaultDays = 90;

export const ledger: Command = {
  summary: 'delete what is older than the ledger is kept',
  help: `posthorn ledger retention [--keep-days ${defaultDays}] [--execute]

Says which months of deliveries are wholly older than that, and what belongs to them, with sizes. With --execute they go: the
months' tables are dropped, requests, chunks, counters, reports, commands and test-sends of those months are deleted in small batches
beside the running system. Mailings stay with their numbers, without their people; so do suppressions, unsubscribes and
the audit log. Sessions of the admin pages that have ended go as well. A month in which a request was asked for that was sent
later, or that still goes on, stays until that is as old.

At least ${fewestDays} days, for records stay in topics for 30. Run it once a month. Reads DATABASE_URL.`,
  run: (call) => withReadyDatabase(call.env, 'posthorn-ledger', (db) => act(db, call)),
};

async function act(db: Db, call: Call): Promise<void> {
  const [action, ...rest] = call.args;
  if (action !== 'retention') throw new PosthornError('usage', `say retention.\n\n${ledger.help}`);
  const { values } = parseArgs({
    args: rest,
    options: { 'keep-days': { type: 'string' }, execute: { type: 'boolean', default: false } },
  });
  const keepDays = readDays(values['keep-days']);
  const aged = await readAged(db, keepDays);
  for (const line of describe(aged, keepDays)) call.print(line);
  if (!values.execute) {
    if (hasAny(aged)) call.print('\nDry run: nothing was deleted. --execute deletes it.');
    return;
  }
  if (!hasAny(aged)) return;
  await alone(db, async () => {
    const counts = await deleteOld(db, aged, call.print);
    await writeAudit(db, { keep_days: keepDays, before: aged.boundary, ...counts });
    const what = Object.entries(counts).map(
      ([name, count]) => `${count.toLocaleString('en')} ${name.replaceAll('_', ' ')}`,
    );
    call.print(
      `\nDeleted: ${what.join(', ')}. Postgres uses the room of dropped months at once, of other rows by itself.`,
    );
  });
}

function readDays(text: string | undefined): number {
  const days = Number(text ?? defaultDays);
  if (!/^\d{1,5}$/.test(text ?? String(defaultDays)) || days < fewestDays) {
    throw new PosthornError(
      'usage',
      `--keep-days is a whole number of at least ${fewestDays}: topics keep records for 30 days, and a replay of what the ` +
        'ledger no longer knows would send it again',
    );
  }
  return days;
}

function hasAny({ months, others, sessionCount }: Aged): boolean {
  return (
    months.some(({ keptFor }) => keptFor === undefined) || sessionCount > 0 || others.some(({ count }) => count > 0)
  );
}

function describe(aged: Aged, keepDays: number): string[] {
  const { boundary, months, others, sessionCount } = aged;
  const lines = [`Kept: ${keepDays} days, so everything before ${boundary} may go.`, ''];
  if (!hasAny(aged)) lines.push('There is nothing that old.');
  lines.push(
    ...toTable([
      ...months.map(({ name, rowCount, size, keptFor }) => [
        name,
        `about ${rowCount.toLocaleString('en')} rows`,
        size,
        keptFor === undefined ? 'goes' : `stays: ${keptFor}`,
      ]),
      ...others.filter(({ count }) => count > 0).map(({ what, count }) => [what, count.toLocaleString('en'), '', 'go']),
      ...(sessionCount > 0 ? [['ended sessions', sessionCount.toLocaleString('en'), '', 'go']] : []),
    ]),
  );
  return lines;
}

const lockKey = 5_082_026;

/** @throws PosthornError busy when another one is at it */
async function alone(db: Db, work: () => Promise<void>): Promise<void> {
  // Of the session: the command has one connection, which ends with it.
  const { rows } = await sql<{ locked: boolean }>`select pg_try_advisory_lock(${lockKey}) as locked`.execute(db);
  if (!rows[0]?.locked)
    throw new PosthornError('busy', 'another `posthorn ledger retention` is deleting at this moment');
  try {
    await work();
  } finally {
    await sql`select pg_advisory_unlock(${lockKey})`.execute(db);
  }
}

async function writeAudit(db: Db, detail: object): Promise<void> {
  await db
    .insertInto('audit')
    .values({ who: 'cli', action: 'ledger.retention', subject: 'ledger', detail: JSON.stringify(detail) })
    .execute();
}
