// What a worker of the model has in hand: a slice of records, from Kafka or from `waiting`.
import type { Claimed, Message } from '../../../services/dispatcher/messages.ts';
import type { Sorted } from '../../../services/dispatcher/sort-claims.ts';
import type { Handover } from './world.ts';

export type Source = 'kafka' | 'waiting';

export interface Slice {
  key: string;
  source: Source;
  token: string;
  messages: Message[];
  sorted: Sorted;
  /** Its lease lasts, by the worker's own clock. */
  lasts: boolean;
  /** For templates that park: marked `sending`, as far as the worker knows. */
  marked: Set<string>;
  handovers: Map<Claimed, Handover>;
}

/** Whoever waited for these answers, or knew them, is gone: but for a definite no, nobody knows any more. */
export function breakHandovers(handovers: Iterable<Handover>): void {
  for (const one of handovers) if (one.end !== 'refused' && one.end !== 'commanded') one.end = 'ambiguous';
}
