// /replays/<id>: how one replay goes, live; what it would send can be sent from here, and it can be stopped.
import { randomUUID } from 'node:crypto';
import { isUuid } from '../../../domain/ids.ts';
import { writeAudit } from '../audit.ts';
import { streamPart } from '../event-stream.ts';
import { readForm } from '../forms.ts';
import { endStates, openStates, type Replay } from '../operator/replay-types.ts';
import { orderReplays, toShortName } from '../operator/replay-wish.ts';
import { countEnded, summarize, toCountLines, toProgress } from '../operator/replay-words.ts';
import { done, page } from '../page.ts';
import { PageError } from '../page-error.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { findReplay, type ReplayTurn, turnReplay } from '../queries/replays.ts';
import { requireAbility } from '../roles.ts';
import { modeWords } from './replays.ts';

const everyMs = 1_000;

export function replaysOne(app: AdminApp, parts: Parts): void {
  app.get('/replays/:id', async (c) => {
    requireAbility(c, 'operate');
    const replay = await find(c, parts);
    return show(c, parts, replay);
  });
  app.get('/replays/:id/live', async (c) => {
    requireAbility(c, 'operate');
    const { replayId } = await find(c, parts);
    return streamPart(c, parts, everyMs, async () => {
      const replay = await findReplay(parts.db, replayId);
      return replay ? parts.views.render('replays/live', toLive(c, replay)) : '';
    });
  });
  for (const turn of ['pause', 'resume', 'cancel'] as const) {
    app.post(`/replays/:id/${turn}`, (c) => act(c, parts, turn));
  }
  app.post('/replays/:id/execute', (c) => execute(c, parts));
  app.post('/replays/:id/resend', (c) => resend(c, parts));
}

async function find(c: AdminContext, parts: Parts): Promise<Replay> {
  const id = c.req.param('id') ?? '';
  const replay = isUuid(id) ? await findReplay(parts.db, id) : undefined;
  if (!replay) throw new PageError(404, 'There is no such replay.');
  return replay;
}

function show(
  c: AdminContext,
  parts: Parts,
  replay: Replay,
  fault?: string,
  entered = '',
): Promise<Response> | Response {
  const { topic, mode, from, until } = replay;
  const stretches = Object.entries(until).map(([partition, end]) => ({ partition, start: from[partition], end }));
  const name = toShortName(topic);
  const data = { title: `Replay of ${name}`, ...toLive(c, replay), name, topic, stretches, fault, entered };
  return page(c, parts, 'replays/one', { ...data, modeName: modeWords[mode] }, fault ? 422 : 200);
}

/** What the moving part needs. */
function toLive(c: AdminContext, replay: Replay) {
  const { state, mode, counts, filter } = replay;
  const isOpen = openStates.includes(state);
  const isCounted = state === 'done' && mode === 'dry_run';
  const { abilities, csrfToken } = c.var.session;
  return {
    replay,
    csrf: csrfToken,
    may: Object.fromEntries([...abilities].map((ability) => [ability, true])),
    summary: summarize(replay),
    ...toProgress(replay),
    lines: toCountLines(replay),
    toSendCount: counts.toSend,
    endedCount: countEnded(counts),
    endStates: endStates.map((name) => ({ name, count: counts[name] })).filter(({ count }) => count > 0),
    can: {
      pause: state === 'wanted' || state === 'running',
      resume: state === 'paused',
      cancel: isOpen,
      execute: isCounted && counts.toSend + counts.uncountedRequests > 0,
      resend: isCounted && countEnded(counts) > 0 && Boolean(filter.request_id || filter.template_id || filter.user_id),
    },
  };
}

const said: Record<ReplayTurn, string> = {
  pause: 'It is paused, and goes on where it stopped when it is resumed.',
  resume: 'It goes on.',
  cancel: 'It is cancelled. What it published before goes its way.',
};

async function act(c: AdminContext, parts: Parts, turn: ReplayTurn): Promise<Response> {
  requireAbility(c, 'operate');
  const { replayId, state, mode, counts } = await find(c, parts);
  // Whoever may not begin a second sending may stop one, but not let it go on.
  if (mode === 'resend' && turn === 'resume') requireAbility(c, 'access');
  const path = `/replays/${replayId}`;
  if (!(await turnReplay(parts.db, replayId, turn))) return done(c, path, `It is ${state}: this changes nothing.`);
  const action = turn === 'cancel' ? 'replay.cancelled' : `replay.${turn}d`;
  await writeAudit(parts.db, c, action, `replay ${replayId}`, { published: counts.published });
  return done(c, path, said[turn]);
}

async function execute(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'operate');
  const counted = await findCounted(c, parts);
  const replayId = await orderAgain(c, parts, { ...counted, mode: 'execute', reason: '' });
  return done(c, `/replays/${replayId}`, 'It is being sent: exactly those without a row in the ledger.');
}

async function resend(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'access');
  const counted = await findCounted(c, parts);
  const { fields, lists } = await readForm(c);
  const reason = (fields.reason ?? '').trim().slice(0, 500);
  if (reason.length < 3) return show(c, parts, counted, 'Say why, in a few words: it stands in the audit log.', reason);
  const { filter } = counted;
  if (!filter.request_id && !filter.template_id && !filter.user_id) {
    throw new PageError(
      422,
      'A second sending is for one request, one template or one person: begin with such a dry run.',
    );
  }
  const ended = endStates.filter((name) => lists.ended?.includes(name));
  if (ended.length === 0) return show(c, parts, counted, 'Choose who is to get it again.', reason);
  const replayId = await orderAgain(c, parts, { ...counted, mode: 'resend', reason, filter: { ...filter, ended } });
  return done(c, `/replays/${replayId}`, 'It is being sent a second time.');
}

/** Only what a dry run has counted can be sent from a page. */
async function findCounted(c: AdminContext, parts: Parts): Promise<Replay> {
  const replay = await find(c, parts);
  if (replay.mode === 'dry_run' && replay.state === 'done') return replay;
  throw new PageError(409, 'Only a dry run that has ended tells what would be sent. Begin with one.');
}

async function orderAgain(c: AdminContext, parts: Parts, counted: Replay): Promise<string> {
  const replayId = randomUUID();
  await orderReplays(parts.db, [{ ...counted, replayId }], c.var.session.name);
  return replayId;
}
