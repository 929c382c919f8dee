// Which dead letters are meant: the same filters on the page and in the CLI. Pure.
import { type StageName, stages } from '../../../lib/topics.ts';
import type { DeadLetter } from './dead-letters-index.ts';

export const letterStates = ['new', 'waiting', 'redriven', 'discarded', 'failed'] as const;
/** new: nobody has decided. waiting: to be redriven in a moment. failed: it could not be redriven, and can be again. */
export type LetterState = (typeof letterStates)[number];

export interface LetterFilter {
  stage?: StageName | undefined;
  code?: string | undefined;
  state?: LetterState | undefined;
  /** Put aside at this time or later, before that time; milliseconds since 1970 UTC. */
  sinceMs?: number | undefined;
  untilMs?: number | undefined;
  /** Anywhere in the key. */
  text?: string | undefined;
}

export interface LetterAction {
  action: 'redrive' | 'discard';
  state: 'wanted' | 'done' | 'failed';
  template: 'pinned' | 'active';
  reason: string;
  detail: string;
  who: string;
  at: Date;
  endedAt: Date | null;
}

export type ActedLetter = DeadLetter & { state: LetterState; action: LetterAction | undefined };

export const isStage = (name: string): name is StageName => stages.some((stage) => stage === name);
export const isLetterState = (name: string): name is LetterState => letterStates.some((state) => state === name);
export const letterKey = ({ topic, partition, offset }: Pick<DeadLetter, 'topic' | 'partition' | 'offset'>): string =>
  `${topic}/${partition}/${offset}`;

export function withActions(letters: readonly DeadLetter[], actions: ReadonlyMap<string, LetterAction>): ActedLetter[] {
  return letters.map((letter) => {
    const action = actions.get(letterKey(letter));
    return { ...letter, action, state: toState(action) };
  });
}

function toState(action: LetterAction | undefined): LetterState {
  if (!action) return 'new';
  if (action.state === 'failed') return 'failed';
  if (action.state === 'wanted') return 'waiting';
  return action.action === 'discard' ? 'discarded' : 'redriven';
}

export function fits(letter: ActedLetter, filter: LetterFilter): boolean {
  const { stage, code, state, sinceMs, untilMs, text } = filter;
  if (stage !== undefined && letter.stage !== stage) return false;
  if (code !== undefined && letter.code !== code) return false;
  if (state !== undefined && letter.state !== state) return false;
  if (sinceMs !== undefined && letter.timestampMs < sinceMs) return false;
  if (untilMs !== undefined && letter.timestampMs >= untilMs) return false;
  return text === undefined || (letter.key ?? '').toLowerCase().includes(text.toLowerCase());
}

export interface CauseCount {
  stage: StageName;
  code: string;
  count: number;
}

/** Of what is still to be decided on, the most frequent first. */
export function countCauses(letters: readonly ActedLetter[]): CauseCount[] {
  const counts = new Map<string, CauseCount>();
  for (const { stage, code, state } of letters) {
    if (state !== 'new' && state !== 'failed') continue;
    const key = `${stage} ${code}`;
    const known = counts.get(key) ?? { stage, code, count: 0 };
    known.count += 1;
    counts.set(key, known);
  }
  return [...counts.values()].sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
}
