// `posthorn keys`: makes, lists and revokes API keys.
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { type ApiKeyScope, defaultScopes, scopeTitles } from '../domain/key-rights.ts';
import { newApiKey } from '../lib/api-keys.ts';
import { databaseVariables, readConfig } from '../lib/config.ts';
import { createDatabase, type Db, withDatabase } from '../lib/db/database.ts';
import { PosthornError } from '../lib/errors.ts';
import type { Call, Command } from './command.ts';

const scopes = Object.keys(scopeTitles) as ApiKeyScope[];

export const keys: Command = {
  summary: 'create, list and revoke API keys of the HTTP ingest',
  help: `posthorn keys list
posthorn keys create --name <who> [--scopes send,read]
posthorn keys revoke <key id>

A key is printed once, when it is created; afterwards only its hash is known. Scopes:
${Object.entries(scopeTitles)
  .map(([name, title]) => `  ${name.padEnd(9)} ${title}`)
  .join('\n')}

Reads DATABASE_URL.`,
  async run({ args, env, print }) {
    const config = readConfig(z.object(databaseVariables), env);
    const db = createDatabase({ url: config.DATABASE_URL, applicationName: 'posthorn-keys', maxConnections: 1 });
    try {
      await withDatabase(() => act(db, args, print));
    } finally {
      await db.destroy();
    }
  },
};

async function act(db: Db, args: string[], print: Call['print']): Promise<void> {
  const [action, ...rest] = args;
  if (action === 'list') return list(db, print);
  if (action === 'create') return create(db, rest, print);
  if (action === 'revoke' && rest[0]) return revoke(db, rest[0], print);
  throw new PosthornError('usage', `say list, create or revoke.\n\n${keys.help}`);
}

async function list(db: Db, print: Call['print']): Promise<void> {
  const rows = await db.selectFrom('api_keys').selectAll().orderBy('created_at').execute();
  if (rows.length === 0) print('There is no API key yet: `posthorn keys create --name <who>` makes one.');
  for (const row of rows) {
    const end = row.revoked_at ? `revoked ${row.revoked_at.toISOString()}` : 'active';
    print(`${row.api_key_id}  ${row.key_hint}  ${row.scopes.join(',')}  ${row.name}  ${end}`);
  }
}

async function create(db: Db, args: string[], print: Call['print']): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { name: { type: 'string' }, scopes: { type: 'string', default: defaultScopes.join(',') } },
  });
  if (!values.name) throw new PosthornError('usage', '--name is missing: whose key is it?');
  const wanted = values.scopes.split(',').map((scope) => {
    const known = scopes.find((name) => name === scope.trim());
    if (!known) throw new PosthornError('usage', `there is no scope '${scope}'; there are ${scopes.join(', ')}`);
    return known;
  });
  const made = newApiKey();
  await db
    .insertInto('api_keys')
    .values({ api_key_id: randomUUID(), name: values.name, key_hash: made.hash, key_hint: made.hint, scopes: wanted })
    .execute();
  print(made.key);
}

async function revoke(db: Db, id: string, print: Call['print']): Promise<void> {
  const rows = await db
    .updateTable('api_keys')
    .set({ revoked_at: new Date() })
    .where((where) => where.and([where(where.cast('api_key_id', 'text'), '=', id), where('revoked_at', 'is', null)]))
    .returning('name')
    .execute();
  const [row] = rows;
  if (!row) throw new PosthornError('not_found', `no active key has the id '${id}'; \`posthorn keys list\` shows them`);
  print(`revoked: ${row.name}. Running services refuse it within seconds.`);
}
