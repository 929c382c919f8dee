// A replay: one topic read again between two places, to see who of its people has no row in the ledger (a dry run), and to
// publish the records of exactly those (execute) or, wanted by an admin, of others as well (resend).
import { z } from 'zod';
import { priorities } from '../../../lib/topics.ts';

export const replayModes = ['dry_run', 'execute', 'resend'] as const;
export type ReplayMode = (typeof replayModes)[number];
export type ReplayState = 'wanted' | 'running' | 'paused' | 'done' | 'cancelled' | 'failed';
export const openStates: readonly ReplayState[] = ['wanted', 'running', 'paused'];

/** How a delivery may have ended. */
export const endStates = ['sent', 'failed', 'skipped', 'unknown'] as const;
export type EndStateName = (typeof endStates)[number];

/** Offset by partition, as decimal text. */
export type Offsets = Readonly<Record<string, string>>;

/** Only what all of it fits is looked at. Stored under these names (lib/db/tables.ts). */
export interface ReplayFilter {
  template_id?: string | undefined;
  request_id?: string | undefined;
  priority?: (typeof priorities)[number] | undefined;
  user_id?: string | undefined;
  /** Of a resend: only deliveries that ended so; all four when left out. */
  ended?: readonly EndStateName[] | undefined;
  /** Of a requests topic: requests that were planned are left to the replay of their chunks' topic. */
  onlyUnplanned?: boolean | undefined;
}

/** Where to go on. `sequence`: inside the record at `next`, whose chunks before this one are done. */
export interface PartialPortion {
  sent: string[];
  /** By an intended second sending. */
  resent: string[];
}

export interface ReplayCursor {
  next: Offsets;
  within?: { partition: number; sequence: number } | undefined;
  /**
   * Of the portion that begins here, whose records are published and counted as such: notification ids, and ids of requests
   * that were never planned. When the portion is repeated, after a crash or a pause, they are left out.
   */
  partial?: PartialPortion | undefined;
}

/** What was found, and what was done. People but where the name says otherwise; one met in two records counts in both. */
export interface ReplayCounts {
  readRecords: number;
  /** Retention was quicker: they were deleted before they could be read. */
  goneRecords: number;
  undecodableRecords: number;
  /** No value: nothing to publish. */
  emptyRecords: number;
  testRecords: number;
  /** They do not fit the filter. */
  otherRecords: number;
  sent: number;
  failed: number;
  skipped: number;
  unknown: number;
  /** Claimed by a dispatcher just now. */
  inFlight: number;
  /** They wait for a retry. */
  waiting: number;
  /** Of requests that are paused: resuming those sends them. */
  paused: number;
  cancelled: number;
  expired: number;
  /** The person was erased (`posthorn erase`): nothing is sent to them any more, not even on purpose. */
  erased: number;
  /** The ledger does not go back so far, so nobody can tell whether they were sent. */
  tooOld: number;
  /** Requests that were rejected: their records are dead letters. */
  rejectedRequests: number;
  /** Requests that the mailing runner is still planning, or that wait for their time. */
  plannedLaterRequests: number;
  /** Requests without a row: they go again as they are. */
  unplannedRequests: number;
  /** Of those: to categories, so that nobody can count their people before they are planned. */
  uncountedRequests: number;
  /** Never planned, and to more people than the filter names: they could go only whole. */
  wholeOnlyRequests: number;
  /** No row, and nothing speaks against it: those whom `execute` sends. */
  toSend: number;
  /** What was published. */
  published: number;
  publishedRecords: number;
  /** Of those published: an intended second sending. */
  resent: number;
}

export const noCounts: ReplayCounts = {
  readRecords: 0,
  goneRecords: 0,
  undecodableRecords: 0,
  emptyRecords: 0,
  testRecords: 0,
  otherRecords: 0,
  sent: 0,
  failed: 0,
  skipped: 0,
  unknown: 0,
  inFlight: 0,
  waiting: 0,
  paused: 0,
  cancelled: 0,
  expired: 0,
  erased: 0,
  tooOld: 0,
  rejectedRequests: 0,
  plannedLaterRequests: 0,
  unplannedRequests: 0,
  uncountedRequests: 0,
  wholeOnlyRequests: 0,
  toSend: 0,
  published: 0,
  publishedRecords: 0,
  resent: 0,
};

export interface Replay {
  replayId: string;
  topic: string;
  from: Offsets;
  until: Offsets;
  filter: ReplayFilter;
  mode: ReplayMode;
  reason: string;
  ratePerSecond: number;
  state: ReplayState;
  detail: string;
  cursor: ReplayCursor;
  counts: ReplayCounts;
  epoch: number;
  requestedBy: string;
  requestedAt: Date;
  endedAt: Date | null;
}

const offsets = z.record(z.string(), z.string());
const storedFilter = z.object({
  template_id: z.string().optional(),
  request_id: z.string().optional(),
  priority: z.enum(priorities).optional(),
  user_id: z.string().optional(),
  ended: z.array(z.enum(endStates)).optional(),
  onlyUnplanned: z.boolean().optional(),
});
const storedCursor = z.object({
  next: offsets.default({}),
  within: z.object({ partition: z.number(), sequence: z.number() }).optional(),
  partial: z.object({ sent: z.array(z.string()), resent: z.array(z.string()) }).optional(),
});

export const readOffsets = (stored: unknown): Offsets => offsets.parse(stored);
export const readFilter = (stored: unknown): ReplayFilter => storedFilter.parse(stored);
export const readCursor = (stored: unknown): ReplayCursor => storedCursor.parse(stored);

/** Counts that a release before did not know are 0. */
export function readCounts(stored: unknown): ReplayCounts {
  const known = z.record(z.string(), z.number()).parse(stored);
  const names = Object.keys(noCounts) as (keyof ReplayCounts)[];
  return Object.fromEntries(names.map((name) => [name, known[name] ?? 0])) as unknown as ReplayCounts;
}
