// `posthorn replay`: orders replays of topics and tells how they go. The admin service carries them out (services/admin/
// operator/replay-runner.ts): what is started here goes on when this command ends.
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { isUuid } from '../domain/ids.ts';
import { databaseVariables, type Environment, kafkaVariables, readConfig, toKafkaSettings } from '../lib/config.ts';
import type { Db } from '../lib/db/database.ts';
import { PosthornError } from '../lib/errors.ts';
import { createKafka } from '../lib/kafka/client.ts';
import { createLogger } from '../lib/logger.ts';
import { createTopics } from '../lib/topics.ts';
import { writeAudit } from '../services/admin/audit.ts';
import { createKeptAdmin } from '../services/admin/kafka/kept-admin.ts';
import type { ReplayMode } from '../services/admin/operator/replay-types.ts';
import { openStates, type Replay } from '../services/admin/operator/replay-types.ts';
import { orderReplays, type ReplayWish, toReplays } from '../services/admin/operator/replay-wish.ts';
import { findReplay, listReplays, type ReplayTurn, turnReplay } from '../services/admin/queries/replays.ts';
import { requireLogIn, systemUser } from './actor.ts';
import type { Call, Command } from './command.ts';
import { withReadyDatabase } from './ready-database.ts';
import { tellNext, tellProgress, tellReplay, tellRow } from './replay-report.ts';
import { toTable } from './table.ts';

export const replay: Command = {
  summary: 'read a topic again and send what was never sent; a dry run unless told otherwise',
  help: `posthorn replay --topic <topic> [--from <place>] [--until <place>] [filters] [--rate 500] [--execute] [--detach]
posthorn replay --topic <topic> … --execute --resend --reason "<why>" --as <admin> [--ended sent,unknown]
posthorn replay list
posthorn replay show|pause|resume|cancel <replay id>

Reads the records of a topic between two places and looks every person in them up in the ledger. Without --execute it only
counts. With it, exactly the people without a row are published again; who has an end, waits or is being sent is left alone,
and so is what has expired, was cancelled, or is older than the ledger (90 days).

--topic     requests.high, requests, planned.<priority>, enriched.<priority>, rendered.<priority>, a full name, or
            everything: requests that were never planned, and all that was planned
--from      beginning (default), a time (2026-11-23T08:00Z; UTC without a zone), how long ago (30m, 2h, 3d), or offsets
            by partition (0:1200,1:1180; partitions that are not named are left out)
--until     the same; end (default) is the end at this moment
--template --request --priority --user    only what all of these fit
--rate      people a second, at most (500)
--resend    an intended second sending: also to people who have an end, of one --request, --template or --user. Needs
            --reason, and --as the log-in of somebody with the role admin. Each person gets it once more, not oftener
--ended     of a resend: only those that ended so (sent, failed, skipped, unknown)
--detach    order it and return; otherwise it is followed until it ends. Ending this command does not end the replay

The admin service carries it out, one after the other; after a crash it goes on where it was. Every order stands in the audit
log. Reads KAFKA_BROKERS (and KAFKA_SSL, KAFKA_SASL_…), KAFKA_TOPIC_PREFIX, DATABASE_URL.`,
  run: (call) => withReadyDatabase(call.env, 'posthorn-replay', (db) => act(db, call)),
};

async function act(db: Db, call: Call): Promise<void> {
  const [action, ...rest] = call.args;
  if (action === 'list') return list(db, call.print);
  if (action === 'show') {
    const found = await find(db, rest[0]);
    for (const line of [...tellReplay(found), ...tellNext(found)]) call.print(line);
    return;
  }
  if (action === 'pause' || action === 'resume' || action === 'cancel') return turn(db, action, rest[0], call);
  if (action === undefined || !action.startsWith('--')) {
    throw new PosthornError('usage', `say --topic, or list, show, pause, resume or cancel.\n\n${replay.help}`);
  }
  return order(db, call);
}

async function order(db: Db, { args, env, print }: Call): Promise<void> {
  const text = { type: 'string', default: '' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args,
    options: {
      topic: text,
      from: text,
      until: text,
      template: text,
      request: text,
      priority: text,
      user: text,
      rate: text,
      reason: text,
      ended: text,
      as: text,
      execute: flag,
      resend: flag,
      detach: flag,
      follow: flag,
    },
  });
  if (values.resend && !values.execute) {
    throw new PosthornError(
      'usage',
      '--resend sends, so it goes with --execute; without both, a dry run says how many have an end already',
    );
  }
  const mode: ReplayMode = values.resend ? 'resend' : values.execute ? 'execute' : 'dry_run';
  const wish: ReplayWish = { ...values, mode };
  const who = await findWho(db, env, values.as, mode);
  const config = readConfig(z.object({ ...kafkaVariables, ...databaseVariables }), env);
  const topics = createTopics(config.KAFKA_TOPIC_PREFIX);
  const logger = createLogger({ service: 'replay', level: 'error' });
  const admin = createKeptAdmin(createKafka(toKafkaSettings(config), 'posthorn-replay', logger));
  try {
    const replays = await toReplays({ admin, topics, now: Date.now() }, wish, who);
    if (replays.length === 0) return print('Nothing to read: no record stands between the two places.');
    await orderReplays(db, replays, who);
    for (const { replayId, topic } of replays) print(`ordered: replay ${replayId} of ${topic}`);
    if (values.detach) return print('`posthorn replay show <id>` tells how it goes.');
    print('Ending this command does not end a replay: `posthorn replay cancel <id>` does.');
    for (const { replayId } of replays) await follow(db, replayId, print);
  } finally {
    await admin.stop();
  }
}

/** Whose order it is. For a second sending somebody who may. */
async function findWho(db: Db, env: Environment, name: string, mode: ReplayMode): Promise<string> {
  const user = `${systemUser(env)} (command line)`;
  if (name === '' && mode !== 'resend') return user;
  if (name === '') throw new PosthornError('usage', '--as is missing: which admin wants the second sending?');
  await requireLogIn(db, name, mode === 'resend' ? 'access' : 'operate');
  return `${name}, by ${user}`;
}

const lookEveryMs = 300;
const tellEveryMs = 2_000;
const nobodyAfterMs = 10_000;

async function follow(db: Db, replayId: string, print: Call['print']): Promise<void> {
  const startedAtMs = Date.now();
  let toldAtMs = startedAtMs;
  let told = '';
  for (;;) {
    const found = await find(db, replayId);
    if (!openStates.includes(found.state) || found.state === 'paused') {
      for (const line of ['', ...tellReplay(found), ...tellNext(found)]) print(line);
      if (found.state === 'failed') throw new PosthornError('replay_failed', `replay ${replayId} failed`);
      return;
    }
    const now = Date.now();
    if (now - toldAtMs >= tellEveryMs) {
      const isAlone = found.state === 'wanted' && now - startedAtMs > nobodyAfterMs;
      const line = isAlone ? 'nobody has taken it up yet: is the admin service running?' : tellProgress(found);
      if (line !== told) print(line);
      [told, toldAtMs] = [line, now];
    }
    await sleep(lookEveryMs);
  }
}

async function list(db: Db, print: Call['print']): Promise<void> {
  const { replays, next } = await listReplays(db, { limit: 30 });
  if (replays.length === 0) {
    return print('There was no replay yet: `posthorn replay --topic everything` counts who was never sent anything.');
  }
  for (const line of toTable(replays.map(tellRow))) print(line);
  if (next) print('Older ones are on the page /replays.');
}

const done: Record<ReplayTurn, string> = {
  pause: 'paused: `posthorn replay resume` goes on where it stopped',
  resume: 'goes on',
  cancel: 'cancelled: nothing more of it is published; what was published already goes its way',
};

async function turn(db: Db, wanted: ReplayTurn, id: string | undefined, { env, print }: Call): Promise<void> {
  const { replayId, state } = await find(db, id);
  if (!(await turnReplay(db, replayId, wanted))) {
    throw new PosthornError('not_possible', `replay ${replayId} is ${state}: that cannot be done to it any more`);
  }
  const action = wanted === 'cancel' ? 'replay.cancelled' : `replay.${wanted}d`;
  await writeAudit(db, await findWho(db, env, '', 'dry_run'), action, `replay ${replayId}`);
  print(done[wanted]);
}

async function find(db: Db, id: string | undefined): Promise<Replay> {
  if (!id) throw new PosthornError('usage', 'which replay? `posthorn replay list` shows their ids');
  const found = isUuid(id) ? await findReplay(db, id) : undefined;
  if (!found) throw new PosthornError('not_found', `there is no replay '${id}'; \`posthorn replay list\` shows them`);
  return found;
}
