// Which chunks of a request hold people of one state and reason, and which of them a page needs. The ledger has no index on
// states: the dispatcher's counters say where to look. Pure.

import { chunkId } from '../../domain/ids.ts';
import type { DeliveryState } from '../db/tables.ts';

export type WantedState = DeliveryState | 'in_flight';

/** People in these states are in no counter: their chunks are those in which not everybody is counted. */
export function isCounted(state: WantedState): boolean {
  return state !== 'in_flight' && state !== 'claimed' && state !== 'sending';
}

/** Where a page goes on: a chunk, and a person in it. */
export interface Place {
  sequence: number;
  position: number;
}

/** What the counters say of one chunk. */
export interface ChunkCount {
  chunkId: string;
  count: number;
}

export interface Candidate {
  sequence: number;
  /** People in it who are wanted; undefined when that is seen only by looking. */
  count: number | undefined;
}

/** The planner's; a chunk may have fewer. */
export const maxChunkPeople = 500;

/**
 * @param counts of the state and reason that are wanted; for one that is not counted of all who have an end or wait for a retry; undefined
 *   when everybody is wanted
 * @returns the chunks to look into, in the order of the request
 */
export function findCandidates(
  requestId: string,
  chunkCount: number,
  state: WantedState | undefined,
  counts: readonly ChunkCount[] | undefined,
  after: Place,
): Candidate[] {
  const byChunk = new Map(counts?.map((one) => [one.chunkId, one.count]));
  const candidates: Candidate[] = [];
  for (let sequence = after.sequence; sequence < chunkCount; sequence++) {
    if (counts === undefined) candidates.push({ sequence, count: undefined });
    else {
      const count = byChunk.get(chunkId(requestId, sequence)) ?? 0;
      if (state !== undefined && !isCounted(state)) {
        if (count < maxChunkPeople) candidates.push({ sequence, count: undefined });
      } else if (count > 0) candidates.push({ sequence, count });
    }
  }
  return candidates;
}

/**
 * As many of them as should fill a page; the rest is looked at when that was not enough.
 * @param missing people that the page lacks, at least one
 * @returns at least one, where there is any
 */
export function takeSlice(candidates: readonly Candidate[], from: number, missing: number): Candidate[] {
  const slice: Candidate[] = [];
  let expected = 0;
  for (const candidate of candidates.slice(from, from + maxSlice)) {
    if (expected >= missing) break;
    slice.push(candidate);
    expected += candidate.count ?? maxChunkPeople / 4;
  }
  return slice;
}

const maxSlice = 10;

const placeForm = /^(\d{1,7})_(\d{1,5})$/;

/** Whether a text is a place as it stands in an address: `12_340`. */
export function isPlace(text: string): boolean {
  return placeForm.test(text);
}

/** The beginning, where the text is none. */
export function toPlace(text: string | undefined): Place {
  const [, sequence, position] = placeForm.exec(text ?? '') ?? [];
  return { sequence: Number(sequence ?? 0), position: Number(position ?? 0) };
}
