// How a test-send goes, in plain words, for the page that waits for it. Pure.
import { explainReason } from '../../../domain/reason-words.ts';
import type { TestProgress } from '../queries/templates-tests.ts';

export interface ShownProgress {
  /** A state as pages show them. */
  state: string;
  sentence: string;
  hasEnded: boolean;
  /** Null until there is a journey to look at. */
  notificationId: string | null;
}

/** After this long without a sign of it, something else is wrong. */
const quietLimitMs = 60_000;
const ended = new Set(['sent', 'failed', 'skipped', 'unknown']);

/** @param ageMs since it was asked for */
export function describeProgress({ request, delivery }: TestProgress, ageMs: number): ShownProgress {
  if (delivery) {
    const { notificationId, state, reason, detail } = delivery;
    const why = [explainReason(reason)?.meaning ?? '', detail].filter((text) => text !== '').join(' ');
    return { state, sentence: toSentence(state, why), hasEnded: ended.has(state), notificationId };
  }
  if (request?.state === 'rejected') {
    const sentence = `The planner has refused it: ${request.detail}`;
    return { state: 'rejected', sentence, hasEnded: true, notificationId: null };
  }
  const where = request ? 'It is planned and being made.' : 'It waits for the planner.';
  const late = ageMs > quietLimitMs ? ' That takes longer than it should: ask an operator to look at the lanes.' : '';
  return {
    state: request ? 'planning' : 'accepted',
    sentence: `${where}${late}`,
    hasEnded: false,
    notificationId: null,
  };
}

function toSentence(state: string, why: string): string {
  if (state === 'sent') return 'It was sent: the mail server or SMS gateway has taken it.';
  const outcome =
    { failed: 'It could not be sent.', skipped: 'It was not sent.', unknown: 'Nobody knows whether it was sent.' }[
      state
    ] ?? (state === 'deferred' ? 'It will be tried again.' : 'It is being sent.');
  return why === '' ? outcome : `${outcome} ${why}`;
}
