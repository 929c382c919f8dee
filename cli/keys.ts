// `posthorn keys`: makes, lists and revokes API keys.
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { isUuid } from '../domain/ids.ts';
import { type ApiKeyScope, defaultScopes, scopeTitles } from '../domain/key-rights.ts';
import { newApiKey } from '../lib/api-keys.ts';
import { databaseVariables, readConfig } from '../lib/config.ts';
import { createDatabase, type Db, withDatabase } from '../lib/db/database.ts';
import { PosthornError } from '../lib/errors.ts';
import { addKey, revokeKey } from '../services/admin/queries/access-keys.ts';
import { systemUser } from './actor.ts';
import type { Call, Command } from './command.ts';

/** As in the pages. */
const maxNameChars = 100;
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

Both stand in the audit log under \`cli:<user>\`. Reads DATABASE_URL.`,
  async run({ args, env, print }) {
    const config = readConfig(z.object(databaseVariables), env);
    const db = createDatabase({ url: config.DATABASE_URL, applicationName: 'posthorn-keys', maxConnections: 1 });
    try {
      await withDatabase(() => act(db, args, print, `cli:${systemUser(env)}`));
    } finally {
      await db.destroy();
    }
  },
};

async function act(db: Db, args: string[], print: Call['print'], who: string): Promise<void> {
  const [action, ...rest] = args;
  if (action === 'list') return list(db, print);
  if (action === 'create') return create(db, rest, print, who);
  if (action === 'revoke' && rest[0]) return revoke(db, rest[0], print, who);
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

async function create(db: Db, args: string[], print: Call['print'], who: string): Promise<void> {
  const { values } = parseArgs({
    args,
    options: { name: { type: 'string' }, scopes: { type: 'string', default: defaultScopes.join(',') } },
  });
  const name = values.name?.trim() ?? '';
  if (name === '') throw new PosthornError('usage', '--name is missing: whose key is it?');
  if (name.length > maxNameChars || /\p{C}/u.test(name)) {
    throw new PosthornError('usage', `--name is one line of at most ${maxNameChars} characters`);
  }
  const wanted = values.scopes.split(',').map((scope) => {
    const known = scopes.find((name) => name === scope.trim());
    if (!known) throw new PosthornError('usage', `there is no scope '${scope}'; there are ${scopes.join(', ')}`);
    return known;
  });
  const made = newApiKey();
  const { hash, hint, key } = made;
  await addKey(db, who, { apiKeyId: randomUUID(), name, hash, hint, scopes: wanted });
  print(key);
}

async function revoke(db: Db, id: string, print: Call['print'], who: string): Promise<void> {
  const name = isUuid(id.toLowerCase()) ? await revokeKey(db, who, id.toLowerCase()) : undefined;
  if (name === undefined) {
    throw new PosthornError('not_found', `no active key has the id '${id}'; \`posthorn keys list\` shows them`);
  }
  print(`revoked: ${name}. Running services refuse it within seconds.`);
}
