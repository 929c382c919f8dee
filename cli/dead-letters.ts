// `posthorn dead-letters`: lists what stages put aside, looks inside, sends it back or discards it. The admin service carries
// out what is wanted (services/admin/operator/redrive-executor.ts).
import { parseArgs } from 'node:util';
import { isUuid } from '../domain/ids.ts';
import type { Db } from '../lib/db/database.ts';
import { PosthornError } from '../lib/errors.ts';
import { stages } from '../lib/topics.ts';
import { writeAudit } from '../services/admin/audit.ts';
import {
  type ActedLetter,
  countCauses,
  fits,
  isLetterState,
  isStage,
  type LetterFilter,
  letterKey,
  letterStates,
} from '../services/admin/operator/dead-letters-filter.ts';
import { listLetters } from '../services/admin/operator/dead-letters-list.ts';
import { abilityFor, canSendAgain, resendableStates } from '../services/admin/operator/redrive-rules.ts';
import { type LetterPlace, wantActions } from '../services/admin/queries/dead-letters.ts';
import { sendAlikeAgain } from '../services/admin/queries/dead-letters-commands.ts';
import type { Ability } from '../services/admin/roles.ts';
import { requireLogIn } from './actor.ts';
import type { Call, Command } from './command.ts';
import { type LetterDesk, withLetterDesk } from './dead-letters-desk.ts';
import { describeLetter, followLetters, tellLetters } from './dead-letters-report.ts';

export const deadLetters: Command = {
  summary: 'list, look into, redrive and discard what stages put aside; send again to people',
  help: `posthorn dead-letters list [filters] [--limit 50]
posthorn dead-letters show <place>
posthorn dead-letters redrive <place>… | --all [filters] --execute   [--template active] [--reason "<why>"] [--as <who>]
posthorn dead-letters discard <place>… | --all [filters] --execute   --reason "<why>" [--as <who>]
posthorn dead-letters send-again --request <id> --state failed|skipped|unknown [--ended-by <reason>] --execute
                                 [--template active] [--reason "<why>"] [--as <who>]

A place is what list prints: <stage>/<partition>/<offset>. Filters, which all have to fit:
--stage     ${stages.join(', ')}
--code      the cause, such as not_avro or template_unknown
--key       text anywhere in the record's key
--since, --until   a time (2026-11-23T08:00Z) or how long ago (30m, 2h, 3d)
--state     ${letterStates.join(', ')}, or all (new)

redrive     puts the record back into the topic it came from. Its people may be claimed again; nobody who got the message
            gets it twice. --template active: with the version that is active now, not the one it was planned with
discard     counts it as done; its people stay as they are
send-again  for people who ended without a dead letter, such as failed by template_error: their records are made anew.
            What was cancelled or has expired is left as it is
--all       everything that fits. Says only how many it would be, unless --execute is given
--as        who it is in the audit log: a log-in that is enabled and may do this in the pages
--detach    return without waiting until it is done

The newest 5,000 of each partition are looked at. The admin service does the work; everything stands in the audit log. Reads
KAFKA_BROKERS (and KAFKA_SSL, KAFKA_SASL_…), KAFKA_TOPIC_PREFIX, SCHEMA_REGISTRY_URL, DATABASE_URL.`,
  run: (call) => withLetterDesk(call.env, (desk) => act(desk, call)),
};

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const options = {
  stage: text,
  code: text,
  key: text,
  since: text,
  until: text,
  state: text,
  limit: text,
  all: flag,
  execute: flag,
  detach: flag,
  template: text,
  reason: text,
  as: text,
  request: text,
  'ended-by': text,
} as const;

type Values = ReturnType<typeof parse>['values'];
const parse = (args: string[]) => parseArgs({ args, options, allowPositionals: true });

async function act(desk: LetterDesk, { args, print }: Call): Promise<void> {
  const [action, ...rest] = args;
  const { values, positionals } = parseOrSay(rest);
  if (action === 'list') return list(desk, values, print);
  if (action === 'show') return show(desk, positionals, print);
  if (action === 'redrive' || action === 'discard') return decide(desk, action, values, positionals, print);
  if (action === 'send-again') return sendAgain(desk.db, values, print);
  throw new PosthornError('usage', `say list, show, redrive, discard or send-again.\n\n${deadLetters.help}`);
}

function parseOrSay(args: string[]): ReturnType<typeof parse> {
  try {
    return parse(args);
  } catch (cause) {
    throw new PosthornError('usage', cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

async function list(desk: LetterDesk, values: Values, print: Call['print']): Promise<void> {
  const filter = toFilter(values);
  const { letters, olderCount } = await listLetters(desk.db, desk.index);
  const matching = letters.filter((letter) => fits(letter, filter));
  for (const line of tellLetters(matching.slice(0, Number(values.limit ?? 50) || 50))) print(line);
  print(`${matching.length} match${matching.length === 1 ? 'es' : ''}.`);
  if (olderCount > 0) print(`${olderCount} older ones are kept and not looked at.`);
  for (const { stage, code, count } of countCauses(letters))
    print(`to decide on: ${count} of ${stage}, ${code || 'no cause'}`);
}

async function show(desk: LetterDesk, places: readonly string[], print: Call['print']): Promise<void> {
  const [place] = toPlaces(desk, places);
  if (!place) throw new PosthornError('usage', 'say which one, as list prints it: <stage>/<partition>/<offset>');
  const record = await desk.records.read(place.topic, place.partition, String(place.offset));
  if (!record) throw new PosthornError('not_found', 'the topic does not keep a record there (any more)');
  for (const line of await describeLetter(desk, record)) print(line);
}

async function decide(
  desk: LetterDesk,
  action: 'redrive' | 'discard',
  values: Values,
  positionals: readonly string[],
  print: Call['print'],
): Promise<void> {
  const reason = values.reason?.trim() ?? '';
  if (action === 'discard' && reason.length < 3)
    throw new PosthornError('usage', 'say why they are discarded: --reason "…"');
  if (values.all === positionals.length > 0) throw new PosthornError('usage', 'name places, or say --all with filters');
  const { places, filter } = values.all
    ? await findAll(desk, values)
    : { places: toPlaces(desk, positionals), filter: undefined };
  const what = `${places.length} dead letter${places.length === 1 ? '' : 's'}`;
  if (values.all && !values.execute) {
    print(`${what} would be ${action === 'redrive' ? 'sent back' : 'discarded'}. Nothing is done without --execute.`);
    return;
  }
  const who = await findWho(desk.db, values, 'operate');
  const template = toTemplate(values);
  const count = await wantActions(desk.db, places, { action, template, reason, who });
  const letters = places.slice(0, 50).map(letterKey);
  const detail = {
    count,
    from: 'command line',
    reason,
    ...(action === 'redrive' && { template }),
    ...(filter ? { filter } : { letters }),
  };
  await writeAudit(
    desk.db,
    who,
    action === 'redrive' ? 'dead_letter.redriven' : 'dead_letter.discarded',
    'dead letters',
    detail,
  );
  if (action === 'discard') print(`${count} dead letter${count === 1 ? '' : 's'} discarded.`);
  else if (values.detach) print(`${count} to be sent back by the admin service.`);
  else await followLetters(desk.db, places, print);
}

async function findAll(desk: LetterDesk, values: Values): Promise<{ places: ActedLetter[]; filter: LetterFilter }> {
  const filter = toFilter(values);
  const { letters } = await listLetters(desk.db, desk.index);
  return { places: letters.filter((letter) => fits(letter, filter)), filter };
}

async function sendAgain(db: Db, values: Values, print: Call['print']): Promise<void> {
  const requestId = values.request ?? '';
  const state = resendableStates.find((one) => one === values.state);
  const reason = values['ended-by'];
  if (!isUuid(requestId) || !state) {
    throw new PosthornError('usage', 'say who: --request <id> --state failed, skipped or unknown');
  }
  if (!canSendAgain({ state, reason: reason ?? '' }))
    throw new PosthornError('usage', `what is ${reason} is not sent again`);
  const counted = await db
    .selectFrom('counters')
    .select(({ fn }) => fn.sum<string>('count').as('count'))
    .where('request_id', '=', requestId)
    .where('state', '=', state)
    .where('reason', 'not in', ['cancelled', 'expired'])
    .$if(reason !== undefined, (query) => query.where('reason', '=', reason ?? ''))
    .executeTakeFirst();
  const people = Number(counted?.count ?? 0);
  if (!values.execute) {
    print(
      `It would be sent again to ${people} ${people === 1 ? 'person' : 'people'}. Nothing is done without --execute.`,
    );
    return;
  }
  const who = await findWho(db, values, abilityFor(state));
  const wish = { template: toTemplate(values), reason: values.reason?.trim() ?? '', who };
  const count = await sendAlikeAgain(db, { requestId, state, reason }, wish);
  const detail = { state, ended_by: reason ?? 'any', count, from: 'command line', ...wish };
  await writeAudit(db, wish.who, 'delivery.sent_again', `request ${requestId}`, detail);
  print(`It is sent again to ${count} ${count === 1 ? 'person' : 'people'} by the admin service.`);
}

async function findWho(db: Db, { as: name = '' }: Values, ability: Ability): Promise<string> {
  if (name === '') return 'command line';
  await requireLogIn(db, name, ability);
  return name;
}

function toTemplate({ template = 'pinned' }: Values): 'pinned' | 'active' {
  if (template === 'pinned' || template === 'active') return template;
  throw new PosthornError('usage', `--template is pinned or active, not '${template}'`);
}

function toFilter(values: Values): LetterFilter {
  const { stage, state = 'new' } = values;
  if (stage !== undefined && !isStage(stage)) throw new PosthornError('usage', `there is no stage '${stage}'`);
  if (state !== 'all' && !isLetterState(state)) throw new PosthornError('usage', `there is no state '${state}'`);
  return {
    stage,
    code: values.code,
    state: state === 'all' ? undefined : state,
    sinceMs: toTime(values.since),
    untilMs: toTime(values.until),
    text: values.key,
  };
}

const units: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };

function toTime(given: string | undefined): number | undefined {
  if (given === undefined) return undefined;
  const [, count, unit = ''] = /^(\d{1,6})([mhd])$/.exec(given) ?? [];
  const at = count === undefined ? Date.parse(given) : Date.now() - Number(count) * (units[unit] ?? 0);
  if (Number.isNaN(at)) throw new PosthornError('usage', `'${given}' is neither a time nor how long ago (30m, 2h, 3d)`);
  return at;
}

function toPlaces({ topics }: LetterDesk, given: readonly string[]): LetterPlace[] {
  return given.map((place) => {
    const [, name = '', partition, offset] = /^(.+)\/(\d{1,5})\/(\d{1,15})$/.exec(place) ?? [];
    const stage = stages.find((one) => one === name || topics.deadLetters[one].name === name);
    if (!stage)
      throw new PosthornError('usage', `'${place}' is no place of a dead letter: <stage>/<partition>/<offset>`);
    return { topic: topics.deadLetters[stage].name, partition: Number(partition), offset: Number(offset) };
  });
}
