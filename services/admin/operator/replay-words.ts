// What a replay's numbers mean and what to do next, in the same words on the command line and on the page.
import { endStates, type Replay, type ReplayCounts } from './replay-types.ts';

export interface CountLine {
  name: keyof ReplayCounts;
  count: number;
  label: string;
  meaning: string;
}

const words: readonly [keyof ReplayCounts, string, string][] = [
  ['toSend', 'to send', 'no row in the ledger: they never got it'],
  ['published', 'published', 'put back into the topic; the ledger still lets each through once at most'],
  ['publishedRecords', 'records published', ''],
  ['resent', 'sent once more', 'they had an end, and an admin wants them to get it again'],
  ['sent', 'sent already', 'the mail server or gateway took it'],
  ['failed', 'failed already', 'it could not be sent; redrive what can be mended'],
  ['skipped', 'skipped already', 'not sent on purpose'],
  ['unknown', 'unknown', 'handed over, and the answer never arrived; a person decides'],
  ['inFlight', 'being sent', 'a dispatcher has claimed them'],
  ['waiting', 'waiting for a retry', 'the server put them off; they go by themselves'],
  ['paused', 'paused', 'their request is paused; resuming it sends them'],
  ['cancelled', 'cancelled', 'their request was cancelled; they are not sent'],
  ['expired', 'expired', 'it is too late for them; they are not sent'],
  ['erased', 'erased', 'these people were erased; nothing is sent to them'],
  ['tooOld', 'older than the ledger', 'nobody can tell whether they got it; they are not sent'],
  ['unplannedRequests', 'requests never planned', 'they go again as they are; their people are among those to send'],
  ['uncountedRequests', 'of them to categories', 'their people are counted only when they are planned'],
  ['plannedLaterRequests', 'requests still being planned', 'the planner goes on with them by itself'],
  ['rejectedRequests', 'requests that were rejected', 'their records are dead letters; redrive them there'],
  ['wholeOnlyRequests', 'requests never planned, for others as well', 'they can go only whole: leave out the person'],
  ['undecodableRecords', 'records that cannot be decoded', 'passed over; the stage has dead-lettered them'],
  ['emptyRecords', 'records without a value', 'passed over'],
  ['testRecords', 'test-sends', 'passed over'],
  ['otherRecords', 'records of others', 'the filter leaves them out'],
  ['goneRecords', 'records no longer kept', 'retention deleted them before they could be read'],
  ['readRecords', 'records read', ''],
];

/** Those that are not 0; what would be or was sent always. */
export function toCountLines({ counts, mode }: Pick<Replay, 'counts' | 'mode'>): CountLine[] {
  return words
    .filter(([name]) => counts[name] > 0 || name === 'toSend' || (name === 'published' && mode !== 'dry_run'))
    .map(([name, label, meaning]) => ({ name, label, meaning, count: counts[name] }));
}

/** How far it is. */
export function toProgress({ from, until, cursor }: Pick<Replay, 'from' | 'until' | 'cursor'>): {
  doneCount: number;
  allCount: number;
} {
  let [doneCount, allCount] = [0, 0];
  for (const [partition, end] of Object.entries(until)) {
    const start = Number(from[partition] ?? 0);
    allCount += Number(end) - start;
    doneCount += Number(cursor.next[partition] ?? start) - start;
  }
  return { doneCount, allCount };
}

/** People who have an end, and would get it again by a resend. */
export function countEnded(counts: ReplayCounts): number {
  return endStates.reduce((sum, state) => sum + counts[state], 0);
}

/** One or two sentences: what it found or did. */
export function summarize({
  state,
  mode,
  counts,
  detail,
}: Pick<Replay, 'state' | 'mode' | 'counts' | 'detail'>): string {
  const people = (count: number) => `${count.toLocaleString('en-US')} ${count === 1 ? 'person' : 'people'}`;
  const uncounted =
    counts.uncountedRequests > 0
      ? ` and the categories of ${counts.uncountedRequests.toLocaleString('en-US')} ${counts.uncountedRequests === 1 ? 'request' : 'requests'}`
      : '';
  const sent = `${people(counts.published)}${uncounted} ${counts.published === 1 && !uncounted ? 'was' : 'were'} published again.`;
  if (state === 'failed') return `It failed: ${detail} ${mode === 'dry_run' ? 'Nothing was sent.' : sent}`;
  if (state === 'cancelled') return `It was cancelled. ${mode === 'dry_run' ? 'Nothing was sent.' : sent}`;
  if (state === 'wanted') return 'It waits for the admin service to take it up.';
  if (state === 'running' && detail) return `It waits and tries again: ${detail}`;
  if (state !== 'done') return mode === 'dry_run' ? 'It counts; nothing is sent.' : `So far ${sent}`;
  if (mode !== 'dry_run')
    return counts.published + counts.uncountedRequests === 0 ? 'Nobody was missing: nothing was sent.' : sent;
  if (counts.toSend + counts.uncountedRequests === 0) return 'Nobody is missing: it would send nothing.';
  return `It would send to ${people(counts.toSend)}${uncounted}. Nothing was sent.`;
}
