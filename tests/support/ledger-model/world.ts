// The world of one sequence of the ledger's model: a handful of notifications, what the mail server was really handed,
// what people want, and what Kafka still owes. The ledger is the real one.
import { randomUUID } from 'node:crypto';
import { toMonth } from '../../../lib/db/database.ts';
import type { NotificationRendered } from '../../../lib/events.ts';
import type { HoldState } from '../../../services/dispatcher/ledger/types.ts';
import { type LedgerLab, rendered } from '../ledger-lab.ts';
import { readSnapshot, type Snapshot } from './snapshot.ts';
import { ModelWorker } from './worker.ts';

/** One body that began to leave. `taken`: the server accepted it, whether or not anybody ever hears of that. */
export interface Handover {
  fate: 'taken' | 'refused' | 'cut';
  /**
   * `refused`: its sender heard a definite no. `ambiguous`: nobody knows, or whoever knew was broken before writing it.
   * `commanded`: a person wanted another one after it.
   */
  end: 'open' | 'heard' | 'refused' | 'ambiguous' | 'commanded';
}

export interface Note {
  /** What names it in a report. */
  at: number;
  event: NotificationRendered;
  handovers: Handover[];
  /** Its record in Kafka is not committed: it comes again. */
  isOwed: boolean;
  /** Who read it last from Kafka: the group lets nobody else commit it. */
  reader: string;
  /** Let pass because a pause or a shared hold kept it back: published again when that ends. */
  isPassed: boolean;
  /** Its person's consent is withdrawn, its address suppressed. */
  isUnsubscribed: boolean;
  isSuppressed: boolean;
}

export interface Plan {
  requestCount: 1 | 2;
  notes: readonly { request: number; parks: boolean; isPromo: boolean }[];
}

export interface World {
  lab: LedgerLab;
  month: string;
  requestIds: string[];
  notes: Note[];
  workers: [ModelWorker, ModelWorker];
  holds: Map<string, HoldState>;
  /** Shared holds in force: scope → id. */
  shared: Map<ModelScope, number>;
  /** Put aside by a dispatcher; the outcome is on its way. */
  deadLettered: Note[];
  /** As of the last check. */
  last: Snapshot;
  /** Ends that were seen so far, `state reason` → count: one that was opened by a command ends more than once. */
  endCounts: Record<string, number>;
  /** Commands of people that led to a claim. */
  takenCount: number;
}

export const ends: ReadonlySet<string> = new Set(['sent', 'failed', 'skipped', 'unknown']);

export async function createWorld(lab: LedgerLab, plan: Plan): Promise<World> {
  await lab.db.deleteFrom('delivery_minutes').execute();
  await lab.db.deleteFrom('waiting').execute();
  await lab.db.deleteFrom('holds').execute();
  await lab.db.deleteFrom('sending_holds').execute();
  await lab.db.deleteFrom('delivery_commands').execute();
  const run = randomUUID().slice(0, 8);
  const requestIds = Array.from({ length: plan.requestCount }, () => randomUUID());
  // Two of a request share a chunk, so that its counters are moved by several.
  const chunkIds = requestIds.map(() => randomUUID());
  const notes = plan.notes.map(({ request, parks, isPromo }, at): Note => {
    const which = request % plan.requestCount;
    const event = rendered({
      request_id: requestIds[which] ?? '',
      chunk_id: chunkIds[which] ?? '',
      user_id: `${run}-${at}`,
      is_promo: isPromo,
      on_no_answer: parks ? 'park' : 'resend',
    });
    return {
      at,
      event,
      handovers: [],
      isOwed: true,
      reader: '',
      isPassed: false,
      isUnsubscribed: false,
      isSuppressed: false,
    };
  });
  const world = {
    lab,
    month: toMonth(notes[0]?.event.requested_at ?? Date.now()),
    requestIds,
    notes,
    holds: new Map(),
    shared: new Map(),
    deadLettered: [],
    last: { rows: new Map(), counters: {}, minutes: {}, waiting: new Map(), commands: new Set() },
    endCounts: {},
    takenCount: 0,
  } as unknown as World;
  world.workers = [new ModelWorker(world, 'A'), new ModelWorker(world, 'B')];
  world.last = await readSnapshot(world);
  return world;
}

export function noteOf(world: World, notificationId: string): Note {
  const found = world.notes.find(({ event }) => event.notification_id === notificationId);
  if (!found) throw new Error(`the ledger names ${notificationId}, which nobody gave it`);
  return found;
}

/** The subjects of the model's shared holds, one a scope. */
export const sharedSubjects = { promotional: '', lane: 'low/email' } as const;
export type ModelScope = keyof typeof sharedSubjects;

/** What people want of its request, or what a shared hold makes of it. */
export function holdOf({ holds, shared }: World, event: NotificationRendered): HoldState | undefined {
  const isShared = shared.has('lane') || (shared.has('promotional') && event.is_promo);
  return holds.get(event.request_id) ?? (isShared ? 'paused' : undefined);
}

/** A pause or hold is over: the planner publishes again whom it let pass. */
export function republishPassed(world: World): void {
  for (const note of world.notes) {
    if (!note.isPassed || holdOf(world, note.event) === 'paused') continue;
    note.isPassed = false;
    note.isOwed = true;
  }
}

/** Why it must not be claimed anew right now. */
export function barOf(world: World, { event, isSuppressed, isUnsubscribed }: Note): string | undefined {
  const hold = holdOf(world, event);
  if (hold) return hold;
  if (isSuppressed) return 'suppressed';
  if (isUnsubscribed && event.is_promo) return 'unsubscribed';
  return event.expires_at !== null && event.expires_at <= Date.now() ? 'expired' : undefined;
}
