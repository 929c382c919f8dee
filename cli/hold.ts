// `posthorn hold`: keeps a template, a channel, all promotional messages, a lane or a request from being sent, and lets it go on.
import { parseArgs } from 'node:util';
import { describeTarget, type HoldScope, type HoldTarget, holdScopes, subjectsOf } from '../domain/holds.ts';
import type { Environment } from '../lib/config.ts';
import type { Db } from '../lib/db/database.ts';
import { PosthornError } from '../lib/errors.ts';
import { findTargetFault } from '../lib/holds/find-target-fault.ts';
import { liftHold } from '../lib/holds/lift-hold.ts';
import { type ActiveHold, listPauses, listSharedHolds } from '../lib/holds/list-holds.ts';
import { placeHold } from '../lib/holds/place-hold.ts';
import { systemUser } from './actor.ts';
import type { Call, Command } from './command.ts';
import { withReadyDatabase } from './ready-database.ts';
import { toTable } from './table.ts';

export const hold: Command = {
  summary: 'keep messages back (a template, a channel, all promotional, a lane, a request), and let them go on',
  help: `posthorn hold promotional           --reason "<why>" [--for 2h]
posthorn hold template <short name> --reason "<why>" [--for 2h]
posthorn hold channel email|sms     --reason "<why>" [--for 2h]
posthorn hold lane <priority>/<channel> --reason "<why>" [--for 2h]     such as low/email
posthorn hold request <request id>  --reason "<why>" [--for 2h]         also a mailing
posthorn hold list
posthorn hold lift <id>

Within 2 seconds nothing of it is sent any more, new messages included, while everything else goes on. Nothing is lost: when
the hold is lifted, everybody whom it kept back gets the message, each once. What is cancelled or expires meanwhile ends as
that.

--reason    for everybody who wonders; pages show it
--for       when it ends by itself: 30m, 2h, 3d; at most 90 days. Without it, when somebody lifts it

Test-sends of a held template are sent. The hold stands in the audit log under \`cli:<user>\`. Reads DATABASE_URL.`,
  run: (call) => withReadyDatabase(call.env, 'posthorn-hold', (db) => act(db, call)),
};

async function act(db: Db, call: Call): Promise<void> {
  const [action = '', ...rest] = call.args;
  if (action === 'list') return list(db, call.print);
  if (action === 'lift') return lift(db, rest[0], call);
  if (isScope(action)) return place(db, action, call);
  throw new PosthornError('usage', `say ${[...holdScopes, 'list', 'lift'].join(', ')}.\n\n${hold.help}`);
}

const isScope = (text: string): text is HoldScope => (holdScopes as readonly string[]).includes(text);
const toAuthor = (env: Environment): string => `cli:${systemUser(env)}`;

async function place(db: Db, scope: HoldScope, { args, env, print }: Call): Promise<void> {
  const { values, positionals } = parse(args.slice(1));
  const subject = positionals[0] ?? '';
  if (positionals.length > 1 || (scope === 'promotional' && subject !== '')) {
    throw new PosthornError('usage', `too many words: ${positionals.join(' ')}`);
  }
  if (subject === '' && scope !== 'promotional') {
    const known = subjectsOf(scope)?.join(', ') ?? (scope === 'template' ? 'its short name' : 'its id');
    throw new PosthornError('usage', `which ${scope}? ${known}`);
  }
  const reason = values.reason.trim();
  if (reason.length < 3 || reason.length > 500) {
    throw new PosthornError('usage', '--reason is missing or too long: say why, in 3 to 500 characters');
  }
  const endsInMs = values.for === undefined ? null : toMilliseconds(values.for);
  const target: HoldTarget = { scope, subject };
  const fault = await findTargetFault(db, target);
  if (fault) throw new PosthornError('not_found', fault);
  const isNew = await placeHold(db, { ...target, author: toAuthor(env), reason, endsInMs });
  const what = describeTarget(target);
  if (!isNew) throw new PosthornError('on_hold', `${what}: on hold already; \`posthorn hold list\` says by whom`);
  print(`on hold: ${what}. \`posthorn hold lift ${await findId(db, target)}\` lets it go on.`);
}

function parse(args: string[]) {
  const options = { reason: { type: 'string', default: '' }, for: { type: 'string' } } as const;
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new PosthornError('usage', error instanceof Error ? error.message : String(error));
  }
}

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const longestMs = 90 * 86_400_000;

function toMilliseconds(text: string): number {
  const match = /^([1-9]\d{0,5})([mhd])$/.exec(text);
  const ms = Number(match?.[1]) * (unitMs[match?.[2] ?? ''] ?? Number.NaN);
  if (!(ms <= longestMs)) {
    throw new PosthornError('usage', `--for ${text} is no length of time: 30m, 2h or 3d, at most 90d`);
  }
  return ms;
}

async function findId(db: Db, { scope, subject }: HoldTarget): Promise<string> {
  if (scope === 'request') return subject;
  const found = (await listSharedHolds(db)).find((one) => one.scope === scope && one.subject === subject);
  return found?.id ?? '<id>';
}

async function list(db: Db, print: Call['print']): Promise<void> {
  const [shared, pauses] = await Promise.all([listSharedHolds(db), listPauses(db)]);
  const all = [...shared, ...pauses];
  if (all.length === 0) return print('Nothing is on hold.');
  for (const line of toTable([['id', 'on hold', 'by', 'since', 'ends', 'why'], ...all.map(toRow)])) print(line);
}

function toRow(one: ActiveHold): string[] {
  const time = (at: Date): string => at.toISOString().slice(0, 16).replace('T', ' ');
  const ends = one.endsAt ? time(one.endsAt) : 'when lifted';
  return [one.id, describeTarget(one), one.author || 'the API', time(one.createdAt), ends, one.reason || '-'];
}

async function lift(db: Db, id: string | undefined, { env, print }: Call): Promise<void> {
  if (!id) throw new PosthornError('usage', 'which hold? `posthorn hold list` shows their ids');
  const lifted = await liftHold(db, id, toAuthor(env));
  if (!lifted) {
    throw new PosthornError('not_found', `no hold in force has the id '${id}'; \`posthorn hold list\` shows them`);
  }
  print(`lifted: ${describeTarget(lifted)}. Whom it kept back gets the message now, each once.`);
}
