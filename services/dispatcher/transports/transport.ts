// What the sending of a slice asks of a transport, whichever channel it serves.
import type { NotificationRendered } from '../../../lib/events.ts';
import type { Judgement } from '../dispatch.ts';
import type { Breaker } from './breaker.ts';

/** A message that waits for its turn. */
export interface Waiting {
  /** Asked again and again: once it says no, the wait ends and no turn is taken. */
  isWanted(): boolean;
  /** Called some times a second while it goes on. */
  onWaiting(): void;
}

export interface Transport {
  /** How many messages may be under way at the same time. */
  readonly parallel: number;
  readonly breaker: Breaker;
  /**
   * Before a slice is claimed: so that a server that is down costs no claims.
   * @throws DependencyError when nothing can be sent now
   */
  probe(): Promise<void>;
  /**
   * Where there is a rate limit: resolves when one message may start, or is no longer wanted. To be called before each
   * `send`.
   * @throws DependencyError('postgres'), which gives out the turns
   */
  readonly turn?: (waiting: Waiting) => Promise<void>;
  /**
   * Sends one message to one person. What cannot be sent is a judgement as well.
   * @param mayLeave asked at the last moment before the body leaves; after a `false` nothing leaves
   * @param onAsking called when the server is asked about it, once a connection is there
   * @throws Error only when no message at all can be made: a fault of ours
   */
  send(message: NotificationRendered, mayLeave: () => boolean, onAsking?: () => void): Promise<Judgement>;
  stop(): Promise<void>;
}
