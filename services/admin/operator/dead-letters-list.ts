// Dead letters with what was done with them: what the page and the CLI both list and act on.
import type { Db } from '../../../lib/db/database.ts';
import { findActions, type LetterPlace } from '../queries/dead-letters.ts';
import { type ActedLetter, withActions } from './dead-letters-filter.ts';
import type { DeadLetterIndex } from './dead-letters-index.ts';

export interface LetterList {
  /** Newest first. */
  letters: ActedLetter[];
  /** Kept by the topics, but older than what is looked at. */
  olderCount: number;
}

/** @throws DependencyError when Kafka or Postgres is down */
export async function listLetters(db: Db, index: DeadLetterIndex): Promise<LetterList> {
  const { letters, olderCount } = await index.current();
  const actions = await findActions(db, toLowest(letters));
  return { letters: withActions(letters, actions), olderCount };
}

/** Of each partition the first that is meant. */
export function toLowest(letters: readonly LetterPlace[]): LetterPlace[] {
  const lowest = new Map<string, LetterPlace>();
  for (const { topic, partition, offset } of letters) {
    const key = `${topic}/${partition}`;
    const known = lowest.get(key);
    if (!known || offset < known.offset) lowest.set(key, { topic, partition, offset });
  }
  return [...lowest.values()];
}
