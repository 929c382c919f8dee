// Where a message is that the ledger does not know yet, in words, from its request and its chunk.
import type { ChunkOfPerson, KnownRequest } from '../queries/notifications.ts';

export interface Place {
  /** A whole sentence. */
  where: string;
  /** The time that belongs to it. */
  at: Date | undefined;
  whatNext: string;
}

export function placeOnItsWay(request: KnownRequest, chunk: ChunkOfPerson | undefined): Place {
  if (request.state === 'rejected') {
    return {
      where: `The request was rejected, so nothing is sent: ${request.detail || 'no cause is known'}.`,
      at: undefined,
      whatNext: 'Whoever made the request has to make it again, mended.',
    };
  }
  if (chunk?.published_at) {
    return {
      where: `It is in the topics between enricher and dispatcher, ${request.priority} priority, since`,
      at: chunk.published_at,
      whatNext:
        'It comes into the ledger when it is sent, or when it ends before. Lag of a stage shows on the overview.',
    };
  }
  if (chunk) {
    return {
      where: `It is planned (chunk ${chunk.sequence}), and about to be published, since`,
      at: chunk.stored_at,
      whatNext: 'This takes well under a second while the planner runs.',
    };
  }
  if (request.state === 'cancelled') {
    return {
      where: 'The request was cancelled before this person was planned, so nothing is sent.',
      at: undefined,
      whatNext: '',
    };
  }
  if (request.state === 'paused') {
    return {
      where: 'The mailing is paused.',
      at: undefined,
      whatNext: 'It goes on when somebody resumes the mailing.',
    };
  }
  if (request.state === 'scheduled') {
    return { where: 'It waits for its time:', at: request.scheduled_at ?? undefined, whatNext: '' };
  }
  return request.planning_complete
    ? {
        where: 'Its request is planned completely, asked for at',
        at: request.requested_at,
        whatNext: 'Either it is on its way, or this person does not belong to it.',
      }
    : {
        where: 'Its request is being planned, and this person was not come to yet. Asked for at',
        at: request.requested_at,
        whatNext: '',
      };
}
