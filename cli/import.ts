// `posthorn import`: templates and mailings of the system before, from a dump of its database. All of it or nothing.
import { readFile, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { readTimeZone } from '../domain/time-zone.ts';
import type { Db } from '../lib/db/database.ts';
import { describeError, PosthornError } from '../lib/errors.ts';
import type { Call, Command } from './command.ts';
import { maxDumpBytes, parseDump } from './import/dump.ts';
import type { Faults } from './import/fields.ts';
import { type ImportPlan, planImport, type ReadDump, readEntries } from './import/plan.ts';
import { describeImport } from './import/report.ts';
import { insertMailings, insertTemplates, lockImport, readPresent, writeImportAudit } from './import/store.ts';
import { withReadyDatabase } from './ready-database.ts';

export const importDump: Command = {
  summary: "import the old admin's templates and mailings from a Django dump",
  help: `posthorn import <dump.json> [--dry-run] [--all] [--time-zone Europe/Moscow]

Reads what \`manage.py dumpdata admin_panel\` has written. Templates keep their old number, so that requests which name it go on
working, and get a short name; pending mailings become drafts, which are never sent by themselves; done and cancelled ones
become history. What is not understood in a template or mailing is an error that names the entry, and nothing is written;
other models and fields are reported and passed over. Run again, it changes nothing: what is there already is left alone.

--dry-run     prints the same report and writes nothing
--all         lists every mailing, not only the first 40
--time-zone   of times that carry none, and for the planned times of drafts to be shown in (UTC)

docs/importing.md says what becomes what. Reads DATABASE_URL.`,
  async run(call) {
    const options = readOptions(call.args);
    const dump = await readDump(options);
    await withReadyDatabase(call.env, 'posthorn-import', (db) => importInto(db, dump, options, call.print));
  },
};

interface Options {
  file: string;
  isDryRun: boolean;
  all: boolean;
  timeZone: string | undefined;
}

function readOptions(args: string[]): Options {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      'dry-run': { type: 'boolean', default: false },
      all: { type: 'boolean', default: false },
      'time-zone': { type: 'string' },
    },
  });
  const [file, ...others] = positionals;
  if (!file || others.length > 0)
    throw new PosthornError('usage', `say which file, and one only.\n\n${importDump.help}`);
  const given = values['time-zone'];
  const zone = given === undefined ? { timeZone: undefined } : readTimeZone(given);
  if ('fault' in zone) throw new PosthornError('usage', `--time-zone: ${zone.fault}`);
  return { file, isDryRun: values['dry-run'], all: values.all, timeZone: zone.timeZone };
}

async function readDump({ file, timeZone }: Options): Promise<ReadDump> {
  let bytes: Uint8Array;
  try {
    const { size } = await stat(file);
    if (size > maxDumpBytes) {
      const most = maxDumpBytes / (1024 * 1024);
      throw new PosthornError('dump_invalid', `it is larger than ${most} MiB; dump templates and mailing tasks apart`);
    }
    bytes = await readFile(file);
  } catch (error) {
    throw new PosthornError('dump_invalid', `${file} cannot be read: ${describeReading(error)}`);
  }
  const entries = parseDump(bytes);
  const faults: Faults = { kept: [], count: 0 };
  const dump = readEntries(entries, faults, timeZone);
  throwFaults(faults);
  if (dump.templates.length + dump.mailings.length === 0) {
    const models = [...dump.passedOver.keys()].join(', ');
    const what = models === '' ? 'it is an empty list' : `it holds ${models}`;
    throw new PosthornError('nothing_to_import', `${file} has no templates and no mailings of admin_panel: ${what}`);
  }
  return dump;
}

/** What hinders reading a file, without the system call that Node names. */
function describeReading(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT' || code === 'ENOTDIR') return 'there is no such file';
  if (code === 'EISDIR') return 'it is a directory';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  return describeError(error);
}

/** What the report says and what is written come from one transaction: nothing can change in between. */
async function importInto(db: Db, dump: ReadDump, options: Options, print: Call['print']): Promise<void> {
  const plan = await db.transaction().execute(async (transaction) => {
    await lockImport(transaction);
    const numbers = dump.mailings.map(({ legacyNumber }) => legacyNumber);
    const present = await readPresent(transaction, numbers);
    const faults: Faults = { kept: [], count: 0 };
    const decided = planImport(dump, present, faults, new Date());
    throwFaults(faults);
    if (!options.isDryRun) await write(transaction, decided, options, print);
    return decided;
  });
  for (const line of describeImport(plan, options.all)) print(line);
  print('');
  print(options.isDryRun ? 'Dry run: nothing was written.' : describeEnd(plan));
}

const progressStep = 10_000;

async function write(db: Db, plan: ImportPlan, { file, timeZone }: Options, print: Call['print']): Promise<void> {
  if (plan.templates.length + plan.mailings.length === 0) return;
  await insertTemplates(db, plan.templates);
  await insertMailings(db, plan.mailings, timeZone ?? 'UTC', (count) => {
    if (count % progressStep === 0) print(`${count} of ${plan.mailings.length} mailings`);
  });
  const { templates, mailings, templatesThere, mailingsThere } = plan;
  await writeImportAudit(db, basename(file), {
    templates: templates.length,
    mailings: mailings.length,
    there_already: templatesThere.length + mailingsThere.length,
  });
}

function describeEnd({ templates, mailings }: ImportPlan): string {
  if (templates.length + mailings.length === 0) return 'Nothing was new: nothing was written.';
  return 'Written. Drafts are sent when somebody confirms them in the admin pages, not before.';
}

function throwFaults({ kept, count }: Faults): void {
  if (count === 0) return;
  const more = count > kept.length ? `\n  and ${count - kept.length} more` : '';
  const what = count === 1 ? 'one fault' : `${count} faults`;
  throw new PosthornError(
    'dump_faults',
    `the dump has ${what}, and nothing was written:\n  ${kept.join('\n  ')}${more}`,
  );
}
