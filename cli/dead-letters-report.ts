// What `posthorn dead-letters` prints.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from '../lib/db/database.ts';
import { explainCode } from '../services/admin/kafka/dead-letter-words.ts';
import { isHiddenRecord } from '../services/admin/kafka/hidden-record.ts';
import { hideConfidential } from '../services/admin/kafka/hide-confidential.ts';
import { toKeyText } from '../services/admin/kafka/key-text.ts';
import { openRecord } from '../services/admin/kafka/open-record.ts';
import type { StoredRecord } from '../services/admin/kafka/stored-record.ts';
import { type ActedLetter, letterKey } from '../services/admin/operator/dead-letters-filter.ts';
import { toLowest } from '../services/admin/operator/dead-letters-list.ts';
import { findActions, type LetterPlace } from '../services/admin/queries/dead-letters.ts';
import type { Call } from './command.ts';
import type { LetterDesk } from './dead-letters-desk.ts';
import { toTable } from './table.ts';

export function tellLetters(letters: readonly ActedLetter[]): string[] {
  if (letters.length === 0) return [];
  const rows = letters.map((letter) => [
    `${letter.stage}/${letter.partition}/${letter.offset}`,
    new Date(letter.timestampMs).toISOString(),
    letter.state,
    letter.code || '-',
    letter.key ?? '-',
    (letter.message.split('\n')[0] ?? '').slice(0, 80),
  ]);
  return toTable([['place', 'put aside', 'state', 'cause', 'key', 'message'], ...rows]);
}

/** The cause with its whole message, where it stood, headers, and what it says where that can be read. */
export async function describeLetter({ db, topics, codec }: LetterDesk, record: StoredRecord): Promise<string[]> {
  const opened = await openRecord({ topics, codec }, record);
  const { cause, content } = opened;
  const lines = [
    `key         ${toKeyText(record.key) ?? 'none'}`,
    `put aside   ${new Date(record.timestampMs).toISOString()}`,
    `cause       ${cause?.errorCode ?? 'none given'}`,
    ...(cause ? [`            ${explainCode(cause.errorCode) ?? ''}`.trimEnd()] : []),
    ...(cause ? cause.errorMessage.split('\n').map((line) => `            ${line}`) : []),
    `came from   ${cause ? `${cause.originalTopic} ${cause.originalPartition}/${cause.originalOffset}` : 'not said'}`,
    ...Object.entries(record.headers)
      .filter(([name]) => !name.startsWith('dlt-'))
      .map(([name, value]) => `header      ${name}: ${value}`),
  ].filter((line) => line.trim() !== '');
  if (content.kind === 'event') {
    const isHidden = await isHiddenRecord(db, opened);
    const event = isHidden ? hideConfidential(content.event) : content.event;
    return [...lines, '', JSON.stringify(event, null, 2)];
  }
  if (content.kind === 'undecodable')
    return [
      ...lines,
      `not decoded ${content.reason}`,
      `value       ${record.valueBytes} bytes, not shown: they count as confidential`,
    ];
  return [...lines, 'no value'];
}

const lookEveryMs = 500;

/** Tells how it goes until none waits any more. */
export async function followLetters(db: Db, places: readonly LetterPlace[], print: Call['print']): Promise<void> {
  let told = '';
  for (;;) {
    const actions = await findActions(db, toLowest(places));
    const own = places.map((place) => ({ place, action: actions.get(letterKey(place)) }));
    const count = (state: string) => own.filter(({ action }) => action?.state === state).length;
    const line = `${count('done')} sent back, ${count('wanted')} waiting, ${count('failed')} failed`;
    if (line !== told) print(line);
    told = line;
    if (count('wanted') === 0) {
      for (const { place, action } of own) {
        if (action && action.detail !== '') print(`${letterKey(place)}: ${action.detail}`);
      }
      return;
    }
    await sleep(lookEveryMs);
  }
}
