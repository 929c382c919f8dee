// What was asked for, and how far the planner got with it.
import type { Generated, Selectable } from 'kysely';
import type { Channel } from '../../../domain/ids.ts';
import type { RequestState } from '../../../domain/request-state.ts';
import type { Priority } from '../../topics.ts';
import type { OnNoAnswer } from './templates.ts';

/** What a request came from: a producer, a content manager's mailing, a firing of a recurring one, or a test-send. */
export type RequestOrigin = 'request' | 'mailing' | 'series' | 'test';

export interface RequestTables {
  accepted: AcceptedTable;
  requests: RequestsTable;
  chunks: ChunksTable;
  series_cursors: SeriesCursorsTable;
  sweep_leases: SweepLeasesTable;
  set_aside: SetAsideTable;
}

export interface AcceptedTable {
  request_id: string;
  api_key_id: string;
  idempotency_key: string | null;
  body_hash: Buffer;
  accepted_at: Generated<Date>;
  /** When Kafka had acknowledged it; kept for requests with an Idempotency-Key only. */
  published_at: Date | null;
}

export interface RequestsTable {
  request_id: string;
  body_hash: Buffer;
  state: RequestState;
  /** For rejected: why, for people. */
  detail: Generated<string>;
  template_id: string;
  template_version: number | null;
  template_kind: string | null;
  channel: Channel | null;
  on_no_answer: OnNoAnswer | null;
  priority: Priority;
  is_promo: boolean;
  context: string;
  user_ids: Generated<string[]>;
  user_categories: Generated<string[]>;
  /** People planned so far; final once planning_complete. */
  planned: Generated<number>;
  chunk_count: Generated<number>;
  planning_complete: Generated<boolean>;
  requested_at: Date;
  scheduled_at: Date | null;
  expires_at: Date | null;
  stored_at: Generated<Date>;
  /** The mailing runner plans it and looks after it until it ends; otherwise the sweep does. */
  driven: Generated<boolean>;
  origin: Generated<RequestOrigin>;
  /** Of a firing: the recurring mailing it belongs to. */
  series_id: string | null;
  /** The mailing whose rows in mailing_people are its explicit people, instead of user_ids. */
  people_from: string | null;
  /** A test-send: where it goes. */
  test_address: string | null;
  /** How far the runner has planned; the runner's own notation. */
  cursor: Generated<string>;
  /** Moves with every claim of the runner: what was begun under another one is void. */
  epoch: Generated<number>;
  lease_until: Date | null;
  /** When its numbers last moved, and what they then were. */
  progress_at: Date | null;
  progress_count: Generated<number>;
  heal_rounds: Generated<number>;
  started_at: Date | null;
  /** When the last of its people had an end. */
  ended_at: Date | null;
}

/** What every chunk that is planned of a request takes from its row. */
export type PinnedColumns = Pick<
  Selectable<RequestsTable>,
  | 'request_id'
  | 'template_id'
  | 'template_version'
  | 'template_kind'
  | 'channel'
  | 'on_no_answer'
  | 'priority'
  | 'is_promo'
  | 'context'
  | 'test_address'
>;

export interface ChunksTable {
  request_id: string;
  sequence: number;
  user_ids: string[];
  stored_at: Generated<Date>;
  published_at: Date | null;
}

export interface SeriesCursorsTable {
  series_id: string;
  /** The planned time of the last firing; later ones are still to come. */
  fired_until: Date;
}

/** Work that one planner at a time does. */
export interface SweepLeasesTable {
  name: string;
  holder: string;
  lease_until: Date;
}

/** Requests, and mailings that are none yet, that the planner leaves alone for a while. */
export interface SetAsideTable {
  subject_id: string;
  /** For people. */
  reason: string;
  /** In a row; each time is twice as long as the one before. */
  times: Generated<number>;
  set_aside_until: Date;
}
