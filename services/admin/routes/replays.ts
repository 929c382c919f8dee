// /replays: the list, and the form. A replay always begins with a dry run; what it finds is executed from its own page
// (replays-one.ts).

import { type FormFaults, type FormFields, readForm } from '../forms.ts';
import { ReplayFault } from '../operator/replay-range.ts';
import type { Replay, ReplayMode } from '../operator/replay-types.ts';
import {
  everything,
  orderReplays,
  type ReplayWish,
  replayableTopics,
  toReplays,
  toShortName,
} from '../operator/replay-wish.ts';
import { summarize, toProgress } from '../operator/replay-words.ts';
import { done, page } from '../page.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { isNext, listReplays } from '../queries/replays.ts';
import { queryText, readQuery } from '../query.ts';
import { requireAbility } from '../roles.ts';

const rowsAtATime = 50;
export const modeWords: Readonly<Record<ReplayMode, string>> = {
  dry_run: 'dry run',
  execute: 'execute',
  resend: 'second sending',
};

export function replays(app: AdminApp, parts: Parts): void {
  app.get('/replays', (c) => list(c, parts));
  app.get('/replays/new', (c) => {
    requireAbility(c, 'operate');
    return showForm(c, parts, {
      topic: queryText(c, 'topic'),
      request: queryText(c, 'request'),
      template: queryText(c, 'template'),
    });
  });
  app.post('/replays/new', (c) => order(c, parts));
}

async function list(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'operate');
  const after = readQuery(c, 'after', (text) => (isNext(text) ? text : undefined));
  const { replays: rows, next } = await listReplays(parts.db, { after, limit: rowsAtATime });
  return page(c, parts, 'replays/list', {
    title: 'Replays',
    rows: rows.map(toRow),
    next: next && `/replays?${new URLSearchParams({ after: next })}`,
    isLater: after !== undefined,
  });
}

function toRow(replay: Replay) {
  const { replayId, topic, mode, state, requestedAt, requestedBy } = replay;
  const { doneCount, allCount } = toProgress(replay);
  const what = summarize(replay);
  return {
    id: replayId,
    topic: toShortName(topic),
    mode: modeWords[mode],
    state,
    requestedAt,
    requestedBy,
    doneCount,
    allCount,
    what,
  };
}

function showForm(
  c: AdminContext,
  parts: Parts,
  entered: FormFields = {},
  faults: FormFaults = {},
): Promise<Response> | Response {
  const data = {
    title: 'Replay a topic',
    topics: [...replayableTopics(parts.topics).keys()],
    everything,
    entered,
    faults,
  };
  return page(c, parts, 'replays/new', data, Object.keys(faults).length > 0 ? 422 : 200);
}

async function order(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'operate');
  const { fields } = await readForm(c);
  const field = (name: string) => fields[name] ?? '';
  const wish: ReplayWish = {
    topic: field('topic'),
    from: field('from'),
    until: field('until'),
    template: field('template'),
    request: field('request'),
    priority: field('priority'),
    user: field('user'),
    rate: field('rate'),
    ended: '',
    mode: 'dry_run',
    reason: '',
  };
  try {
    const made = await toReplays(
      { admin: parts.kafkaAdmin, topics: parts.topics, now: parts.now() },
      wish,
      c.var.session.name,
    );
    if (made.length === 0) {
      return showForm(c, parts, fields, { from: 'No record stands between these two places.' });
    }
    await orderReplays(parts.db, made, c.var.session.name);
    const [first] = made;
    if (made.length === 1 && first) return done(c, `/replays/${first.replayId}`, 'It counts; nothing is sent.');
    return done(c, '/replays', `${made.length} topics are counted, one after the other; nothing is sent.`);
  } catch (error) {
    if (!(error instanceof ReplayFault)) throw error;
    return showForm(c, parts, fields, { [error.field]: error.message });
  }
}
