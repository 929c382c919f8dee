// A dispatcher of the model: it does what lane.ts does with a slice, one statement at a time, with the real decisions, so
// that it can be broken between any two statements, and so that the answer of any statement can be lost.
import { randomUUID } from 'node:crypto';
import type { Judged } from '../../../services/dispatcher/dispatch.ts';
import type { Hold, HoldState, Settlement, SharedHold } from '../../../services/dispatcher/ledger/types.ts';
import { listWaits } from '../../../services/dispatcher/list-waits.ts';
import { type Claimed, toParked } from '../../../services/dispatcher/messages.ts';
import { sortClaims } from '../../../services/dispatcher/sort-claims.ts';
import { commitSlice } from './commit-slice.ts';
import { checkFreshClaims, checkLeaving } from './rules.ts';
import { breakHandovers, type Slice, type Source } from './slice.ts';
import { takeDue, toKafkaMessage } from './take-messages.ts';
import { toSettlement } from './to-settlement.ts';
import { type Handover, type Note, noteOf, type World } from './world.ts';

type Pending = { settlement: Settlement; slice: Slice; handover: Handover | undefined };

const unsent = new Set(['open', 'late', 'paused']);

export class ModelWorker {
  readonly name: string;
  readonly slices = new Map<Source, Slice>();
  readonly #world: World;
  readonly #tokens = new Map<string, string>();
  readonly #holds = new Map<string, HoldState>();
  #shared: SharedHold[] = [];
  #pending: Pending[] = [];

  constructor(world: World, name: string) {
    this.#world = world;
    this.name = name;
  }

  get pendingCount(): number {
    return this.#pending.length;
  }

  /** Claims of which a body may still leave, or is leaving, as far as this worker knows. */
  believedClaims(): Claimed[] {
    return [...this.slices.values()].flatMap(({ lasts, sorted }) =>
      lasts ? sorted.claimed.filter(({ stage, lost }) => !lost && (stage === 'open' || stage === 'leaving')) : [],
    );
  }

  /** All claims that are still to be sent, or that wait for their answer. */
  claims(...stages: Claimed['stage'][]): { slice: Slice; claim: Claimed }[] {
    return [...this.slices.values()].flatMap((slice) =>
      slice.sorted.claimed.filter(({ stage }) => stages.includes(stage)).map((claim) => ({ slice, claim })),
    );
  }

  /** @param isLost the answer of the claim does not arrive: the slice comes again, under the same token */
  async take(source: Source, notes: readonly Note[], isLost: boolean): Promise<void> {
    const { ledger } = this.#world.lab;
    if (this.slices.has(source)) return;
    const messages = source === 'kafka' ? notes.map(toKafkaMessage) : await takeDue(this.#world);
    const first = messages[0];
    if (!first) return;
    if (source === 'kafka') for (const note of notes) Object.assign(note, { isOwed: true, reader: this.name });
    await this.settle(this.#pending.length, false);
    const key = `${source} ${first.event.notification_id}`;
    const token = this.#tokens.get(key) ?? randomUUID();
    this.#tokens.set(key, token);
    const rows = await ledger.claim(messages, { token, fromWaiting: source === 'waiting' });
    checkFreshClaims(this.#world, rows, token);
    if (isLost) return;
    const sorted = sortClaims(messages, new Map(rows.map((row) => [row.notification_id, row])), token);
    for (const { hold, message } of sorted.claimed) if (hold) this.#holds.set(message.event.request_id, hold.state);
    this.slices.set(source, {
      key,
      source,
      token,
      messages,
      sorted,
      lasts: true,
      marked: new Set(),
      handovers: new Map(),
    });
  }

  async mark(slice: Slice, claims: readonly Claimed[], isLost: boolean): Promise<void> {
    const marked = await this.#world.lab.ledger.markSending(claims);
    if (isLost) return;
    for (const claim of claims) {
      if (marked.has(claim.notificationId)) slice.marked.add(claim.notificationId);
      else claim.lost = true;
    }
  }

  /** The body leaves, if it may; the rules are those of sendOne in send-slice.ts. */
  handOver(slice: Slice, claim: Claimed, fate: Handover['fate']): void {
    if (!this.#mayGoOn(slice, claim)) return;
    const { event } = claim.message;
    if (event.on_no_answer === 'park' && !slice.marked.has(claim.notificationId)) return;
    const note = noteOf(this.#world, claim.notificationId);
    checkLeaving(this.#world, note, claim);
    claim.stage = 'leaving';
    const handover: Handover = { fate, end: 'open' };
    note.handovers.push(handover);
    slice.handovers.set(claim, handover);
  }

  /** What the server says before any body. */
  refuseEarly(slice: Slice, claim: Claimed, judged: Judged): void {
    if (this.#mayGoOn(slice, claim)) this.#conclude(slice, claim, judged, undefined);
  }

  answer(slice: Slice, claim: Claimed, isHeard: boolean, refusal: Judged): void {
    const handover = slice.handovers.get(claim);
    if (!handover) return;
    if (!isHeard || handover.fate === 'cut') {
      handover.end = 'ambiguous';
      this.#conclude(slice, claim, { kind: 'no_answer', detail: 'closed' }, handover);
      return;
    }
    if (handover.fate === 'refused') handover.end = 'refused';
    else if (handover.end === 'open') handover.end = 'heard';
    const judged: Judged = handover.fate === 'refused' ? refusal : { kind: 'sent', detail: '250 ok' };
    this.#conclude(slice, claim, judged, handover);
  }

  #mayGoOn(slice: Slice, claim: Claimed): boolean {
    const hold = claim.lost ? undefined : this.#holdOf(claim);
    if (hold?.state === 'cancelled') this.#conclude(slice, claim, { kind: 'cancelled' }, undefined);
    else if (hold) Object.assign(claim, { stage: 'paused', hold });
    else if (claim.lost || !slice.lasts) claim.stage = 'late';
    else return true;
    return false;
  }

  #holdOf({ message: { event } }: Claimed): Hold | undefined {
    const state = this.#holds.get(event.request_id);
    if (state) return { state, holdId: null };
    const shared = this.#shared.find(({ scope }) => scope === 'lane' || event.is_promo);
    return shared && { state: 'paused', holdId: shared.holdId };
  }

  #conclude(slice: Slice, claim: Claimed, judged: Judged, handover: Handover | undefined): void {
    const isCancelled = this.#holdOf(claim)?.state === 'cancelled';
    const settlement = toSettlement(claim, judged, isCancelled);
    claim.stage = 'judged';
    this.#pending.push({ settlement, slice, handover });
  }

  async settle(count: number, isLost: boolean): Promise<void> {
    const batch = this.#pending.slice(0, count);
    if (batch.length === 0) return;
    const changed = await this.#world.lab.ledger.settle(batch.map(({ settlement }) => settlement));
    if (isLost) return;
    this.#pending.splice(0, batch.length);
    for (const { settlement, handover } of batch) {
      if (handover?.end === 'heard' && !changed.has(settlement.notificationId)) handover.end = 'ambiguous';
      if (settlement.suppress && changed.has(settlement.notificationId)) {
        noteOf(this.#world, settlement.notificationId).isSuppressed = true;
      }
    }
  }

  async renew(slice: Slice): Promise<void> {
    const kept = slice.sorted.claimed.filter(({ stage }) => stage === 'open' || stage === 'leaving');
    if (kept.length === 0) return;
    const renewed = await this.#world.lab.ledger.renew(kept);
    for (const claim of kept) if (!renewed.has(claim.notificationId)) claim.lost = true;
    slice.lasts = true;
  }

  /** Rereads holds and what is cancelled, as hold-watch.ts does twice a second. */
  async look(): Promise<void> {
    const holds = await this.#world.lab.ledger.readHolds(this.#world.requestIds);
    this.#holds.clear();
    for (const [id, state] of holds) this.#holds.set(id, state);
    this.#shared = await this.#world.lab.ledger.readSharedHolds();
  }

  /**
   * The end of a slice: gives back, parks, settles, commits.
   * @param stopAfter so many statements: the process is killed then
   * @param keepsToken as when something was down; a lane that stops or met a bug forgets it
   */
  async close(slice: Slice, stopAfter: number, keepsToken: boolean): Promise<void> {
    const { ledger } = this.#world.lab;
    const { sorted, source, messages, key } = slice;
    if (sorted.claimed.some(({ stage }) => stage === 'leaving')) return;
    const back = sorted.claimed.filter(({ stage }) => unsent.has(stage));
    const isUnfinished = sorted.claimed.some(({ stage }) => stage === 'open');
    const parked = listWaits(sorted, sorted.claimed).map(({ message, wait }) =>
      toParked(message, Buffer.from('payload'), { attempt: 0, ...wait }),
    );
    for (const claim of back) claim.stage = 'back';
    const ids = messages.map(({ event }) => event.notification_id);
    const works = [
      () => ledger.release(back),
      () => (source === 'waiting' ? ledger.postpone(parked) : ledger.park(parked)),
      () => this.settle(this.#pending.length, false),
      async () => {
        if (source === 'kafka' && !isUnfinished) commitSlice(this.#world, this.name, slice);
        else if (source === 'waiting' && !isUnfinished) await ledger.leaveWaiting(ids);
        else if (source === 'waiting') {
          await ledger.postpone(ids.map((notificationId) => ({ notificationId, dueInMs: 2_000 })));
        }
      },
    ];
    for (const work of works.slice(0, stopAfter)) await work();
    if (stopAfter < works.length) return this.crash();
    this.slices.delete(source);
    if (!isUnfinished || !keepsToken) this.#tokens.delete(key);
  }

  /** A bug in the slice: it puts one record aside, gives the rest back and begins anew. */
  async putAside(slice: Slice, pick: number): Promise<Note | undefined> {
    if (slice.source === 'waiting' || slice.sorted.claimed.some(({ stage }) => stage === 'leaving')) return undefined;
    const { claimed } = slice.sorted;
    const message = claimed[pick % claimed.length]?.message;
    if (!message) return undefined;
    const back = slice.sorted.claimed.filter(({ stage }) => unsent.has(stage));
    await this.#world.lab.ledger.release(back);
    await this.settle(this.#pending.length, false);
    this.slices.delete(slice.source);
    this.#tokens.delete(slice.key);
    const note = noteOf(this.#world, message.event.notification_id);
    if (note.reader !== this.name) return undefined;
    note.isOwed = false;
    return note;
  }

  /** Told to stop: gives back what did not leave, and waits no longer for the rest. */
  async farewell(): Promise<void> {
    const back = this.claims('open', 'late', 'paused').map(({ claim }) => claim);
    if (back.length > 0) await this.#world.lab.ledger.release(back);
    await this.settle(this.#pending.length, false);
    this.crash();
  }

  /** Killed, and started again: it knows nothing any more. */
  crash(): void {
    this.#breakAll();
    this.slices.clear();
    this.#pending = [];
    this.#tokens.clear();
    this.#holds.clear();
    this.#shared = [];
  }

  /** Frozen for longer than its leases: it cannot know what others did meanwhile. */
  loseTime(): void {
    for (const slice of this.slices.values()) slice.lasts = false;
    this.#breakAll();
  }

  #breakAll(): void {
    for (const { handovers } of this.slices.values()) breakHandovers(handovers.values());
    breakHandovers(this.#pending.flatMap(({ handover }) => handover ?? []));
  }
}
