// What a page of dead letters is asked for: the filters as fields of links and forms, and as what they mean.
import { isLetterState, isStage, type LetterFilter } from '../operator/dead-letters-filter.ts';

/** What "put aside in the last …" offers, in hours. */
export const sinceChoices: Readonly<Record<string, string>> = {
  '1': 'last hour',
  '24': 'last 24 hours',
  '168': 'last 7 days',
};

/** The filters as fields, for links and forms; what is not one is left out. */
export function toFields(asked: Readonly<Record<string, string | undefined>>): Record<string, string> {
  const { stage = '', code = '', since = '', q = '' } = asked;
  const state = asked.state ?? 'new';
  const text = q.trim().slice(0, 200);
  return {
    ...(isStage(stage) && { stage }),
    ...(code !== '' && { code: code.slice(0, 100) }),
    ...(isLetterState(state) || state === 'all' ? { state } : { state: 'new' }),
    ...(Object.hasOwn(sinceChoices, since) && { since }),
    ...(text !== '' && { q: text }),
  };
}

export function readFilter(asked: Readonly<Record<string, string | undefined>>, nowMs: number): LetterFilter {
  const { stage = '', code, state = '', since, q } = toFields(asked);
  return {
    stage: isStage(stage) ? stage : undefined,
    code,
    state: isLetterState(state) ? state : undefined,
    sinceMs: since === undefined ? undefined : nowMs - Number(since) * 60 * 60 * 1000,
    text: q,
  };
}
