// /dead-letters: what the stages put aside, with its cause, newest first; redriven or discarded one by one or all that match.

import { stages } from '../../../lib/topics.ts';
import { streamPart } from '../event-stream.ts';
import { explainCode } from '../kafka/dead-letter-words.ts';
import { type ActedLetter, countCauses, fits, letterKey, letterStates } from '../operator/dead-letters-filter.ts';
import { type DeadLetterIndex, maxLetters, maxPerPartition, newestFirst } from '../operator/dead-letters-index.ts';
import { type LetterList, listLetters } from '../operator/dead-letters-list.ts';
import { page } from '../page.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { readProgress } from '../queries/dead-letters.ts';
import { queryChoice, queryText, readQuery } from '../query.ts';
import { requireAbility } from '../roles.ts';
import { deadLettersActions } from './dead-letters-actions.ts';
import { readFilter, sinceChoices, toFields } from './dead-letters-asked.ts';

const rowsAtATime = 50;
const liveEveryMs = 1_500;
export function deadLetters(app: AdminApp, parts: Parts): void {
  const { deadLetters: index } = parts;
  app.get('/dead-letters', (c) => show(c, parts, index));
  app.get('/dead-letters/live', (c) => {
    requireAbility(c, 'operate');
    return streamPart(c, parts, liveEveryMs, async () =>
      parts.views.render('dead-letters/live', await toLive(parts, await listLetters(parts.db, index))),
    );
  });
  deadLettersActions(app, parts, index);
}

async function show(c: AdminContext, parts: Parts, index: DeadLetterIndex): Promise<Response> {
  requireAbility(c, 'operate');
  const list = await listLetters(parts.db, index);
  const asked = {
    stage: queryChoice(c, 'stage', stages),
    code: queryText(c, 'code', 100),
    state: queryChoice(c, 'state', [...letterStates, 'all']),
    since: queryChoice(c, 'since', Object.keys(sinceChoices)),
    q: queryText(c, 'q', 200),
  };
  const matching = list.letters.filter((letter) => fits(letter, readFilter(asked, parts.now())));
  const after = readQuery(c, 'after', readAfter);
  const rest = after ? matching.filter((letter) => newestFirst(after, letter) < 0) : matching;
  const shown = rest.slice(0, rowsAtATime);
  const last = shown.at(-1);
  const filter = toFields(asked);
  return page(c, parts, 'dead-letters/list', {
    title: 'Dead letters',
    ...(await toLive(parts, list)),
    rows: shown.map(toRow),
    matchCount: matching.length,
    keptCount: list.letters.length,
    olderCount: list.olderCount,
    maxPerPartition,
    maxLetters,
    asked: filter,
    isFiltered: Object.keys(filter).some((name) => name !== 'state'),
    stages,
    states: letterStates,
    sinceChoices: Object.entries(sinceChoices),
    codes: [...new Set(list.letters.map(({ code }) => code))].filter((code) => code !== '').sort(),
    /** What comes later is not among "all that match". */
    seenMs: Math.max(0, ...matching.map(({ timestampMs }) => timestampMs)) + 1,
    next:
      last && rest.length > shown.length
        ? `/dead-letters?${new URLSearchParams({ ...filter, after: `${last.timestampMs}/${letterKey(last)}` })}`
        : undefined,
    first: after ? `/dead-letters?${new URLSearchParams(filter)}` : undefined,
  });
}

async function toLive(parts: Pick<Parts, 'db'>, { letters }: LetterList) {
  const causes = countCauses(letters).map((cause) => ({ ...cause, words: explainCode(cause.code) }));
  return {
    causes,
    openCount: causes.reduce((sum, { count }) => sum + count, 0),
    progress: await readProgress(parts.db),
  };
}

function toRow(letter: ActedLetter) {
  const [firstLine = ''] = letter.message.split('\n');
  return { ...letter, id: letterKey(letter), firstLine, words: explainCode(letter.code) };
}

function readAfter(text: string): ActedLetter | undefined {
  const [, timestampMs, topic, partition, offset] = /^(\d{1,15})\/([\w.-]+)\/(\d{1,9})\/(\d{1,15})$/.exec(text) ?? [];
  if (topic === undefined) return undefined;
  const place = { topic, partition: Number(partition), offset: Number(offset), timestampMs: Number(timestampMs) };
  return place as ActedLetter;
}
