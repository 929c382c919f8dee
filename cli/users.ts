// `posthorn users`: who may log in to the admin pages. The same as those pages do, for when nobody can reach them.
import { parseArgs } from 'node:util';
import { sql } from 'kysely';
import type { Db } from '../lib/db/database.ts';
import { PosthornError } from '../lib/errors.ts';
import { findPasswordFault, newPassword } from '../lib/passwords.ts';
import { addAdminUser, adminRoles, setDisabled, setPassword } from './admin-users.ts';
import type { Call, Command } from './command.ts';
import { withReadyDatabase } from './ready-database.ts';
import { toTable } from './table.ts';

export const users: Command = {
  summary: 'create, list and disable log-ins to the admin pages, set their passwords',
  help: `posthorn users list
posthorn users create --name <who> --roles editor,sender [--password-stdin]
posthorn users password --name <who> [--password-stdin]
posthorn users disable --name <who>
posthorn users enable --name <who>

Roles: viewer (overview, mailings, numbers), support (also people and what they got), editor (writes templates and drafts),
sender (an editor who also confirms, pauses and cancels mailings), operator (topics, dead letters), admin (everything).
A password is made at random and printed once; its owner has to change it at the first log-in. With --password-stdin it is
the one line on standard input instead, and stays: printf %s "$PASSWORD" | posthorn users password --name admin --password-stdin
A new password and disabling end the person's sessions at once. Every change stands in the audit log. Reads DATABASE_URL.`,
  run: (call) => withReadyDatabase(call.env, 'posthorn-users', (db) => act(db, call)),
};

async function act(db: Db, call: Call): Promise<void> {
  const [action, ...rest] = call.args;
  if (action === 'list') return list(db, rest, call.print);
  if (action === 'create') return create(db, rest, call);
  if (action === 'password') return changePassword(db, rest, call);
  if (action === 'disable') return disable(db, rest, call.print);
  if (action === 'enable') return enable(db, rest, call.print);
  throw new PosthornError('usage', `say list, create, password, disable or enable.\n\n${users.help}`);
}

async function list(db: Db, args: string[], print: Call['print']): Promise<void> {
  parseArgs({ args, options: {} });
  const rows = await db.selectFrom('admin_users').selectAll().orderBy('name').execute();
  if (rows.length === 0) {
    return print('Nobody can log in yet: `posthorn users create --name <who> --roles admin` makes a log-in.');
  }
  const table = rows.map((row) => [
    row.name,
    row.roles.join(','),
    describeState(row),
    `since ${row.created_at.toISOString().slice(0, 10)}`,
  ]);
  for (const line of toTable(table)) print(line);
}

interface StateRow {
  disabled_at: Date | null;
  must_change_password: boolean;
}

function describeState(row: StateRow): string {
  if (row.disabled_at) return `disabled ${row.disabled_at.toISOString().slice(0, 10)}`;
  return row.must_change_password ? 'active, has to change the password' : 'active';
}

async function create(db: Db, args: string[], call: Call): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      name: { type: 'string' },
      roles: { type: 'string' },
      'password-stdin': { type: 'boolean', default: false },
    },
  });
  const name = checkName(values.name);
  const roles = parseRoles(values.roles);
  const { password, isRandom } = await choosePassword(values['password-stdin'], call);
  const isNew = await addAdminUser(db, { name, roles, password, mustChangePassword: isRandom });
  if (!isNew) throw new PosthornError('name_taken', `there is a log-in '${name}' already`);
  call.print(`created: ${name} (${roles.join(', ')})`);
  if (isRandom) call.print(`password, shown once, to be changed at the first log-in: ${password}`);
}

async function changePassword(db: Db, args: string[], call: Call): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { name: { type: 'string' }, 'password-stdin': { type: 'boolean', default: false } },
  });
  const name = checkName(values.name);
  const { password, isRandom } = await choosePassword(values['password-stdin'], call);
  if (!(await setPassword(db, name, password, isRandom))) throw unknownUser(name);
  call.print(`new password for ${name}; open sessions were ended`);
  if (isRandom) call.print(`password, shown once, to be changed at the first log-in: ${password}`);
}

async function disable(db: Db, args: string[], print: Call['print']): Promise<void> {
  const name = parseName(args);
  const outcome = await setDisabled(db, name, true);
  if (outcome === 'unknown') throw unknownUser(name);
  if (outcome === 'as_before') return print(`${name} was disabled already`);
  print(`disabled: ${name}; open sessions were ended`);
  const admins = await db
    .selectFrom('admin_users')
    .select('name')
    .where('disabled_at', 'is', null)
    .where(sql<boolean>`'admin' = any(roles)`)
    .execute();
  if (admins.length === 0)
    print('Nobody with the role admin can log in now: `posthorn users enable` or `create` mends it.');
}

async function enable(db: Db, args: string[], print: Call['print']): Promise<void> {
  const name = parseName(args);
  const outcome = await setDisabled(db, name, false);
  if (outcome === 'unknown') throw unknownUser(name);
  print(outcome === 'as_before' ? `${name} was enabled already` : `enabled: ${name}, with the password as it was`);
}

function parseName(args: string[]): string {
  return checkName(parseArgs({ args, options: { name: { type: 'string' } } }).values.name);
}

const namePattern = /^[a-z0-9][a-z0-9._@-]{0,63}$/;

function checkName(name: string | undefined): string {
  if (!name) throw new PosthornError('usage', '--name is missing: whose log-in is it?');
  if (namePattern.test(name)) return name;
  throw new PosthornError(
    'usage',
    `--name '${name}' is not 1 to 64 of a-z 0-9 . _ @ -, beginning with a letter or digit`,
  );
}

function parseRoles(text: string | undefined) {
  if (!text) throw new PosthornError('usage', `--roles is missing; there are ${adminRoles.join(', ')}`);
  const roles = text.split(',').map((part) => {
    const role = adminRoles.find((known) => known === part.trim());
    if (!role)
      throw new PosthornError('usage', `there is no role '${part.trim()}'; there are ${adminRoles.join(', ')}`);
    return role;
  });
  return [...new Set(roles)];
}

async function choosePassword(isGiven: boolean, call: Call): Promise<{ password: string; isRandom: boolean }> {
  if (!isGiven) return { password: newPassword(), isRandom: true };
  const password = (await call.readInput()).replace(/\r?\n$/, '');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: nobody could type these at the log-in.
  if (/[\x00-\x1f\x7f]/.test(password)) {
    throw new PosthornError('password_invalid', 'standard input holds more than one line, or a control character');
  }
  const fault = findPasswordFault(password);
  if (fault) throw new PosthornError('password_invalid', fault);
  return { password, isRandom: false };
}

function unknownUser(name: string): PosthornError {
  return new PosthornError('not_found', `there is no log-in '${name}'; \`posthorn users list\` shows them`);
}
