// Where a message is that the ledger does not know yet: where it was last seen, and what the stage that has it waits for, from
// its request and its chunk. For pages and GET /api/v1/notifications. Pure.
import type { SaidState } from './request-state.ts';

export interface RequestOnItsWay {
  state: SaidState;
  /** Of a rejected one: why. */
  detail: string;
  priority: string;
  requestedAt: Date;
  scheduledAt: Date | null;
  planningComplete: boolean;
  /** The planner leaves it alone until then. */
  setAside?: { reason: string; until: Date } | undefined;
}

export interface PlannedChunk {
  sequence: number;
  storedAt: Date;
  publishedAt: Date | null;
}

export interface Place {
  lastSeen: { stage: 'ingest' | 'planner'; outcome: 'requested' | 'planned' | 'published'; at: Date };
  /** A whole sentence, or one that `at` ends. */
  where: string;
  at: Date | undefined;
  /** Sentences; empty when nothing is to be said. */
  whatNext: string;
}

/** @param chunk that the person is planned in; undefined where none is known */
export function placeOnItsWay(request: RequestOnItsWay, chunk: PlannedChunk | undefined): Place {
  const lastSeen = toLastSeen(request, chunk);
  switch (request.state) {
    case 'rejected':
      return {
        lastSeen,
        where: `The request was rejected, so nothing is sent: ${request.detail || 'no cause is known'}.`,
        at: undefined,
        whatNext: 'Whoever made the request has to make it again, mended.',
      };
    case 'paused':
      return {
        lastSeen,
        where: 'It is kept back: its request is paused, or a hold covers it.',
        at: undefined,
        whatNext: chunk?.publishedAt
          ? 'The dispatcher lets it pass unsent; the planner publishes it again when the pause or hold is lifted.'
          : 'It goes on when somebody lifts the pause or hold.',
      };
    case 'cancelled':
      return {
        lastSeen,
        where: chunk
          ? 'The request was cancelled, so nothing is sent.'
          : 'The request was cancelled before this person was planned, so nothing is sent.',
        at: undefined,
        whatNext: chunk ? 'It ends as skipped (cancelled) when the dispatcher comes to it.' : '',
      };
    case 'scheduled':
      return { lastSeen, where: 'It waits for its time:', at: request.scheduledAt ?? undefined, whatNext: '' };
    case 'accepted':
    case 'planning':
    case 'running':
    case 'done':
      return { lastSeen, ...placeUnderWay(request, chunk) };
  }
}

function toLastSeen(request: RequestOnItsWay, chunk: PlannedChunk | undefined): Place['lastSeen'] {
  if (chunk?.publishedAt) return { stage: 'planner', outcome: 'published', at: chunk.publishedAt };
  if (chunk) return { stage: 'planner', outcome: 'planned', at: chunk.storedAt };
  return { stage: 'ingest', outcome: 'requested', at: request.requestedAt };
}

function placeUnderWay(request: RequestOnItsWay, chunk: PlannedChunk | undefined): Omit<Place, 'lastSeen'> {
  if (chunk?.publishedAt) {
    return {
      where: `It is in the topics between enricher and dispatcher, ${request.priority} priority, since`,
      at: chunk.publishedAt,
      whatNext:
        'It comes into the ledger when it is sent, or when it ends before. Lag of a stage shows on the overview.',
    };
  }
  if (request.setAside) {
    return {
      where: `The planner leaves its request alone (${request.setAside.reason}) until`,
      at: request.setAside.until,
      whatNext: 'Then it is tried again by itself.',
    };
  }
  if (chunk) {
    return {
      where: `It is planned (chunk ${chunk.sequence}), and about to be published, since`,
      at: chunk.storedAt,
      whatNext: 'This takes well under a second while the planner and Kafka run.',
    };
  }
  return request.planningComplete
    ? {
        where: 'Its request is planned completely, asked for at',
        at: request.requestedAt,
        whatNext: 'Either it is on its way, or this person does not belong to it.',
      }
    : {
        where: 'Its request is being planned, and this person was not come to yet. Asked for at',
        at: request.requestedAt,
        whatNext: '',
      };
}
