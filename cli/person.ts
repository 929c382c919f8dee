// `posthorn person`: everything that Posthorn keeps about a person, for whoever asks what is stored about them (GDPR, article 15).
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { isUserId } from '../domain/ids.ts';
import {
  databaseVariables,
  type Environment,
  kafkaVariables,
  linkVariables,
  readConfig,
  registryVariables,
} from '../lib/config.ts';
import type { Db } from '../lib/db/database.ts';
import { describeError, PosthornError } from '../lib/errors.ts';
import { createCodec } from '../lib/kafka/codec.ts';
import { createTopics, priorities } from '../lib/topics.ts';
import { writeAudit } from '../services/admin/audit.ts';
import type { Call, Command } from './command.ts';
import { findErasure, toSubjects } from './erase.ts';
import { findPerson } from './person/find-person.ts';
import { mentionPlaces } from './person/mentions.ts';
import { places, readPlaces } from './person/places.ts';
import { withReadyDatabase } from './ready-database.ts';

export const person: Command = {
  summary: 'say what is stored about a person (GDPR, article 15)',
  help: `posthorn person <user id> [--also <text>]… [--json]

Prints everything that the database holds about a person: messages and what came of them, requests and the values that were sent with
them, lists, unsubscribes, suppressions, reports, tests, and texts that name them. It reads the places that \`posthorn erase\` empties.
Each export stands in the audit log. Names of those who work with these pages are left out.

  --also <text>   an earlier address, a phone number or the full name: texts that hold it are found as well
  --json          one JSON document, for machines

What the user service knows of the person, and what topics still hold (records with the id: 7 days, outcomes and dead letters: 30), is
not in it. Messages that wait for a retry are decoded where SCHEMA_REGISTRY_URL is set. Reads DATABASE_URL, POSTHORN_SECRET.`,
  run: (call) => withReadyDatabase(call.env, 'posthorn-person', (db) => act(db, call)),
};

interface Export {
  user_id: string;
  exported_at: string;
  /** When `posthorn erase` took this person out; what is here came afterwards. */
  erased_at: string | null;
  addresses: { channel: string; address: string }[];
  places: Record<string, unknown[]>;
  not_in_here: readonly string[];
}

const notInHere = [
  'what the user service knows of the person',
  'records in Kafka: planned, enriched and rendered ones for 7 days, outcomes and dead letters for 30',
  'backups',
];

async function act(db: Db, call: Call): Promise<void> {
  const { values, positionals } = parseArgs({
    args: call.args,
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false }, also: { type: 'string', multiple: true, default: [] } },
  });
  const [userId, ...others] = positionals;
  if (userId === undefined || others.length > 0) throw new PosthornError('usage', `say whom.\n\n${person.help}`);
  if (!isUserId(userId))
    throw new PosthornError('usage', `'${userId}' is not a user id: 1 to 64 of A-Z a-z 0-9 . _ : -`);
  const { POSTHORN_SECRET: secret } = readConfig(
    z.object({ POSTHORN_SECRET: linkVariables.POSTHORN_SECRET }),
    call.env,
  );
  const found = await findPerson(db, userId, { also: values.also });
  const erasedAt = await findErasure(db, Object.values(toSubjects(userId, secret)));
  const read = await readPlaces(db, found);
  const counts = Object.fromEntries(
    Object.entries(read).flatMap(([name, { length }]) => (length > 0 ? [[name, length]] : [])),
  );
  if (Object.keys(counts).length === 0) {
    const when = erasedAt ? `: this person was erased on ${erasedAt.toISOString().slice(0, 10)}` : '';
    throw new PosthornError('person_unknown', `nothing is stored about '${userId}'${when}`);
  }
  read.waiting = await decodeWaiting(call.env, read.waiting ?? []);
  const exported: Export = {
    user_id: userId,
    exported_at: new Date().toISOString(),
    erased_at: erasedAt?.toISOString() ?? null,
    addresses: found.addresses,
    places: read,
    not_in_here: notInHere,
  };
  await writeAudit(db, 'cli', 'person.exported', `person ${userId}`, counts);
  if (values.json) return call.print(JSON.stringify(exported, null, 2));
  for (const line of toLines(exported)) call.print(line);
}

const titles: Readonly<Record<string, string>> = Object.fromEntries([
  ...places.map(({ name, words }) => [name, words]),
  ...mentionPlaces.map(({ table, words }) => [`${table}_texts`, words]),
]);

function toLines(exported: Export): string[] {
  const lines = [`Person ${exported.user_id}, as stored on ${exported.exported_at}`];
  if (exported.erased_at)
    lines.push(`Erased on ${exported.erased_at}; what follows came afterwards, or could not be erased.`);
  for (const { channel, address } of exported.addresses) lines.push(`Written to at ${address} (${channel})`);
  for (const [name, rows] of Object.entries(exported.places)) {
    if (rows.length === 0) continue;
    lines.push('', `${rows.length.toLocaleString('en')} ${titles[name] ?? name}`);
    for (const row of rows) lines.push(...toParagraph(row));
  }
  return [...lines, '', ...exported.not_in_here.map((what) => `Not in here: ${what}`)];
}

/** One row: what it says, without what is empty. */
function toParagraph(row: unknown): string[] {
  const entries = Object.entries((row ?? {}) as Record<string, unknown>);
  const said = entries.filter(([, value]) => value !== null && value !== '');
  return said.map(([name, value], n) => `${n === 0 ? '  - ' : '    '}${name.replaceAll('_', ' ')}: ${toText(value)}`);
}

function toText(value: unknown): string {
  if (value instanceof Date) return value.toISOString();
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** The record of each as it says, in place of its bytes; the bytes stay where it cannot be read. */
async function decodeWaiting(env: Environment, rows: readonly unknown[]): Promise<unknown[]> {
  if (rows.length === 0 || !env.SCHEMA_REGISTRY_URL) return [...rows];
  const shape = z.object({
    ...databaseVariables,
    ...registryVariables,
    KAFKA_TOPIC_PREFIX: kafkaVariables.KAFKA_TOPIC_PREFIX,
  });
  const config = readConfig(shape, env);
  const topics = createTopics(config.KAFKA_TOPIC_PREFIX);
  const codec = createCodec({ registryUrl: config.SCHEMA_REGISTRY_URL, topics });
  return Promise.all(
    (rows as Record<string, unknown>[]).map(async ({ record_base64: bytes, ...row }) => {
      const priority = priorities.find((one) => one === row.priority) ?? 'low';
      try {
        return {
          ...row,
          record: { ...(await codec.decode(topics.rendered[priority], Buffer.from(String(bytes), 'base64'))) },
        };
      } catch (error) {
        return { ...row, record_base64: bytes, not_decoded: describeError(error) };
      }
    }),
  );
}
