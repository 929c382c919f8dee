// One priority of the dispatcher: claim, send, settle, tell. Records of a slice from Kafka and those whose wait is over
// go the same way. `dispatch` either finishes the slice or throws. The caller may always retry: claims make a repeat harmless.
import { randomUUID } from 'node:crypto';
import type { Channel } from '../../domain/ids.ts';
import { DependencyError, describeError, TransientError } from '../../lib/errors.ts';
import type { Codec } from '../../lib/kafka/codec.ts';
import type { Publisher } from '../../lib/kafka/publisher.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Priority, Topic } from '../../lib/topics.ts';
import { Backlog, waitInPlaceMs } from './backlog.ts';
import { type Conclude, decide } from './dispatch.ts';
import type { DispatcherMetrics } from './dispatcher-metrics.ts';
import { withFarewell } from './farewell.ts';
import { GuardHolds } from './guard-holds.ts';
import type { HoldWatch } from './hold-watch.ts';
import { InterruptedSlices } from './interrupted-slices.ts';
import { Lease } from './lease.ts';
import type { ClaimRow, Hold, Parked } from './ledger/types.ts';
import { type Ledger, leaseMs } from './ledger.ts';
import { listCancelled } from './list-cancelled.ts';
import { listWaits, reasonOf, shortWaitMs, toHeld, type Wait } from './list-waits.ts';
import { Marks } from './marks.ts';
import { type Claimed, type Message, type Told, toParked, toRefused, toTold } from './messages.ts';
import { PutOffCount } from './put-off-count.ts';
import { readClocks } from './read-clocks.ts';
import { sendSlice } from './send-slice.ts';
import { Settler } from './settler.ts';
import { sortClaims } from './sort-claims.ts';
import { Stragglers } from './stragglers.ts';
import type { Transport } from './transports/transport.ts';

export interface LaneOptions {
  priority: Priority;
  /** The lane's input: what waits is kept in its records' form. */
  input: Topic<'NotificationRendered'>;
  outcomes: Topic<'NotificationOutcome'>;
  ledger: Ledger;
  holds: HoldWatch;
  codec: Pick<Codec, 'encode'>;
  publisher: Pick<Publisher, 'publish'>;
  transports: Record<Channel, Transport>;
  /** What may wait in Postgres, of all that waits in the lane. */
  maxWaitingBytes: number;
  metrics: DispatcherMetrics;
  logger: Logger;
}

export interface Around {
  fromWaiting: boolean;
  /** Aborted when no new body may leave. */
  signal: AbortSignal;
  /** Called while it goes on, once a second at most. */
  progressed(): void;
}

/** Claims whose answers have not come when the slice goes on without them. */
interface LeftBehind {
  claims: readonly Claimed[];
  /** Further messages to the same people: none is under way. */
  behind: readonly Claimed[];
  /** What is to be told of `claims`, once `ended`. */
  outcomes: readonly Told[];
  /** None of them is under way any more. Rejects as the sending of a slice does. */
  ended: Promise<unknown>;
}

const channels = ['email', 'sms'] as const;
const renewEveryMs = 20_000;
/** How often a message is looked at that waits for the answer to another one to the same person. */
const behindMs = 5_000;
/** By the guard, a moment ago: which hold that is, the next claim finds. */
const justHeld: Hold = { state: 'paused', holdId: null };

export class Lane {
  readonly #options: LaneOptions;
  readonly #settler: Settler;
  readonly #marks: Marks;
  readonly #guards: GuardHolds;
  readonly #backlog: Backlog;
  readonly #putOff = new PutOffCount();
  readonly #interrupted = new InterruptedSlices();
  readonly #stragglers: Record<Channel, Stragglers>;
  readonly #stopping = new AbortController();

  constructor(options: LaneOptions) {
    const { ledger, logger, metrics, priority, transports, maxWaitingBytes } = options;
    this.#options = options;
    this.#marks = new Marks(ledger);
    this.#guards = new GuardHolds(options);
    this.#stragglers = {
      email: new Stragglers(2 * transports.email.parallel, logger),
      sms: new Stragglers(2 * transports.sms.parallel, logger),
    };
    this.#backlog = new Backlog({
      priority,
      ledger,
      maxBytes: maxWaitingBytes,
      onMeasured: (bytes) => metrics.waitingBytes(priority, bytes),
    });
    this.#settler = new Settler(ledger, logger, (settlements, changed) => {
      this.#marks.end(settlements.map((one) => one.notificationId));
      metrics.settled(
        priority,
        settlements.filter((one) => changed.has(one.notificationId)),
      );
    });
  }

  /**
   * @param messages each notification once
   * @throws DependencyError when something is down: what was not sent is given back; TransientError when the lane stops
   */
  async dispatch(messages: readonly Message[], around: Around): Promise<void> {
    const first = messages[0];
    if (!first) return;
    const slice = `${first.partition} ${first.offset} ${first.event.notification_id}`;
    // What an earlier try could not write down: until it is, the claim would find those rows unsent.
    await this.#settler.settled();
    const { token = randomUUID(), done: doneBefore = [] } = this.#interrupted.take(slice) ?? {};
    const done = new Set(doneBefore);
    try {
      const open = messages.filter(({ event }) => !done.has(event.notification_id));
      const { ready, blocked } = await this.#probe(open, around);
      await this.#dispatchClaimed(ready, token, around, done);
      for (const [down, some] of blocked) await this.#keepForLater(some, down, around);
    } catch (error) {
      // Otherwise bodies may still be under way: only another token lets nobody take their rows for unsent.
      if (error instanceof DependencyError) this.#interrupted.keep(slice, { token, done });
      throw error;
    }
  }

  /** To be called when no slice is in hand any more: ends, or leaves to their leases, what slices have left behind. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.all(channels.map((channel) => this.#stragglers[channel].finished()));
  }

  /** Breakers by channel, for who asks which channels are down. */
  get transports(): Record<Channel, Transport> {
    return this.#options.transports;
  }

  /** Rows that wait for this channel were found. */
  sawBacklog(channel: Channel): void {
    this.#backlog.saw(channel);
  }

  /** A server that is down is noticed before anything is claimed for it. What was cancelled ends without one. */
  async #probe(
    messages: readonly Message[],
    { fromWaiting }: Around,
  ): Promise<{ ready: Message[]; blocked: Map<DependencyError, Message[]> }> {
    const { transports, ledger } = this.#options;
    const blocked = new Map<DependencyError, Message[]>();
    // From Kafka, nothing overtakes what waits for its channel.
    const behind = fromWaiting ? new Set<Message>() : await this.#backlog.findBehind(messages);
    for (const channel of channels) {
      const some = messages.filter(({ event }) => event.channel === channel);
      if (some.length === 0) continue;
      const { [channel]: stragglers } = this.#stragglers;
      const later = fromWaiting ? [] : some.filter((message) => behind.has(message) || stragglers.concern(message));
      const { dependency } = transports[channel].breaker;
      if (later.length > 0) blocked.set(new DependencyError(dependency, 'messages before these wait'), later);
      if (later.length === some.length) continue;
      try {
        await transports[channel].probe();
      } catch (error) {
        if (!(error instanceof DependencyError)) throw error;
        for (const one of [...blocked.keys()]) if (one.dependency === dependency) blocked.delete(one);
        blocked.set(error, some);
      }
    }
    if (blocked.size === 0) return { ready: [...messages], blocked };
    const cancelled = new Set(await listCancelled(ledger, messages));
    for (const [down, some] of blocked) {
      blocked.set(
        down,
        some.filter((message) => !cancelled.has(message)),
      );
    }
    const waiting = new Set([...blocked.values()].flat());
    return { ready: messages.filter((message) => !waiting.has(message)), blocked };
  }

  /**
   * Puts what its channel keeps back into `waiting`, so that the lane goes on with what stands behind it. No attempt is counted.
   * @throws DependencyError when the channel may be back in a moment, or too much waits already
   */
  async #keepForLater(messages: readonly Message[], down: DependencyError, { fromWaiting }: Around): Promise<void> {
    const [first] = messages;
    if (!first) return;
    const { priority, ledger, metrics, transports } = this.#options;
    const { channel } = first.event;
    const { isProving, downForMs } = transports[channel].breaker;
    if (fromWaiting || (isProving && downForMs < waitInPlaceMs)) throw down;
    const parked = messages.map((message) => this.#parkInOrder(message, { reason: 'no_connection', dueInMs: 0 }));
    const bytes = parked.reduce((sum, { value }) => sum + value.length, 0);
    if (!(await this.#backlog.hasRoom(bytes))) throw down;
    await ledger.park(parked);
    metrics.channelParked(priority, channel, parked.length);
  }

  /** @param done gets the ids of those that need nothing more when it throws a DependencyError */
  async #dispatchClaimed(
    messages: readonly Message[],
    token: string,
    around: Around,
    done: Set<string>,
  ): Promise<void> {
    if (messages.length === 0) return;
    const { priority, metrics, ledger } = this.#options;
    const lease = new Lease(readClocks());
    // Their claims may still be ours, with a token that this slice would take for its own.
    const behind = messages.filter((message) => this.#stragglers[message.event.channel].concern(message));
    const free = behind.length === 0 ? messages : messages.filter((message) => !behind.includes(message));
    const rows = await this.#claim(free, token, around);
    const sorted = sortClaims(free, rows, token);
    const { claimed, outcomes, newEnds, passed } = sorted;
    for (const { state, reason } of newEnds) metrics.ended(priority, state, reason);
    metrics.pausedPassed(priority, passed.length);
    const { down, left } = await this.#send(claimed, lease, outcomes, around);

    const { claims: silent = [], behind: behindSilent = [] } = left ?? {};
    const finished = claimed.filter((claim) => !silent.includes(claim) && !behindSilent.includes(claim));
    const back = [...finished.filter(isUnsent), ...behindSilent];
    const unfinished = new Set(finished.filter(({ stage }) => stage === 'open').map(({ message }) => message));
    const waits = [
      ...listWaits(sorted, finished),
      // One that came from `waiting` has its row there, and a lease on it.
      ...(around.fromWaiting ? [] : silent.map(({ message }) => toHeld(message, leaseMs))),
    ];
    const parked = [
      ...waits.map(({ message, wait }) => this.#park(message, wait)),
      ...behindSilent.map((claim) => this.#parkInOrder(claim.message, { reason: reasonOf(claim), dueInMs: behindMs })),
      ...behind.map((message) => this.#parkInOrder(message, { reason: 'held', dueInMs: behindMs })),
    ];
    metrics.pausedParked(priority, parked.filter(({ isPaused }) => isPaused).length);
    const written = Promise.all([
      this.#publish(outcomes),
      this.#settler.settled(),
      this.#guards.settled(),
      // In this order: what is woken at once must not meet its own claim.
      this.#giveBack(back).then(() => (around.fromWaiting ? ledger.postpone(parked) : ledger.park(parked))),
    ]);
    if (left) this.#finishLater(left, written);
    await written;
    for (const message of messages) if (!unfinished.has(message)) done.add(message.event.notification_id);
    if (await this.#backlog.isOverfull()) await this.#guards.full();
    if (unfinished.size > 0 && down) throw down;
    if (unfinished.size > 0) throw new TransientError('stopping', 'the lane stops');
  }

  async #claim(messages: readonly Message[], token: string, { fromWaiting }: Around): Promise<Map<string, ClaimRow>> {
    const rows = new Map<string, ClaimRow>();
    let open = messages;
    // A contended row was inserted by somebody in the very same moment; on a second look it is another's.
    for (let looks = 0; looks < 2 && open.length > 0; looks++) {
      const found = await this.#options.ledger.claim(open, { token, fromWaiting });
      for (const row of found) rows.set(row.notification_id, row);
      open = messages.filter(({ event }) => rows.get(event.notification_id)?.verdict === 'contended');
    }
    return rows;
  }

  async #send(
    claimed: readonly Claimed[],
    lease: Lease,
    outcomes: Told[],
    around: Around,
  ): Promise<{ down?: DependencyError | undefined; left?: LeftBehind }> {
    if (claimed.length === 0) return {};
    const signal = AbortSignal.any([around.signal, this.#stopping.signal]);
    let left: Claimed[] | undefined;
    const late: Told[] = [];
    let progressedAtMs = performance.now();
    const goOn = () => {
      if (left || performance.now() - progressedAtMs < 1_000) return;
      progressedAtMs = performance.now();
      around.progressed();
    };
    const conclude: Conclude<Claimed> = (claim, judgement, othersGot) => {
      const outcome = this.#conclude(claim, judgement, othersGot);
      if (outcome) (left ? late : outcomes).push(outcome);
      goOn();
    };
    const { holds, transports } = this.#options;
    const inHand = holds.begin(new Set(claimed.map(({ message }) => message.event.request_id)));
    for (const { hold, message } of claimed) if (hold) holds.learn(message.event, hold);
    const common = {
      settler: this.#settler,
      marks: this.#marks,
      lease,
      signal,
      conclude,
      onRefused: (...refused: Parameters<GuardHolds['refused']>) => this.#guards.refused(...refused),
      // A lane that waits for its turn is not stuck.
      onWaiting: goOn,
    };
    const renewing = setInterval(() => void this.#renew(claimed, lease), renewEveryMs);
    const hands: ReadonlySet<Claimed>[] = [];
    const work = channels.map((channel) => {
      const some = claimed.filter(({ message }) => message.event.channel === channel);
      const transport = transports[channel];
      const guard = this.#guards.of(channel);
      const holdOf = (claim: Claimed): Hold | undefined =>
        holds.find(claim.message.event) ?? (guard.hasJustHeld(toRefused(claim), Date.now()) ? justHeld : undefined);
      // What comes back leaves connections for what is new.
      const parallel = around.fromWaiting ? Math.ceil(transport.parallel / 2) : transport.parallel;
      const { promise: onlySilent, resolve } = Promise.withResolvers<void>();
      const onOnlySilentLeft = (hand: ReadonlySet<Claimed>) => {
        hands.push(hand);
        resolve();
      };
      const sending = sendSlice(some, { ...common, transport, guard, holdOf, parallel, onOnlySilentLeft });
      return { sending, pausing: Promise.race([sending.catch(() => undefined), onlySilent]) };
    });
    const ended = withFarewell(Promise.all(work.map(({ sending }) => sending)), signal)
      .then((downs) => downs.find((down) => down !== undefined))
      .catch(async (error: unknown) => {
        await this.#giveBack((left ?? claimed).filter(isUnsent));
        throw error;
      })
      .finally(() => {
        clearInterval(renewing);
        inHand();
      });
    const isSilent = (claim: Claimed) => hands.some((hand) => hand.has(claim));
    const pausing = Promise.all(work.map((one) => one.pausing)).then(() => this.#room(claimed.filter(isSilent)));
    await Promise.race([ended, pausing]);
    const silent = signal.aborted ? [] : claimed.filter(isSilent);
    if (silent.length === 0) return { down: await ended };
    left = silent;
    const behind = claimed.filter((claim) => claim.stage === 'open' && !silent.includes(claim));
    for (const claim of behind) claim.stage = 'back';
    return { left: { claims: silent, behind, outcomes: late, ended } };
  }

  async #room(claims: readonly Claimed[]): Promise<void> {
    for (const channel of channels) {
      const count = claims.filter(({ message }) => message.event.channel === channel).length;
      if (count > 0) await this.#stragglers[channel].room(count);
    }
  }

  /** @param written the waiting rows of these, among others */
  #finishLater({ claims, outcomes, ended }: LeftBehind, written: Promise<unknown>): void {
    const { ledger } = this.#options;
    const finish = async () => {
      await ended;
      const waits = [
        ...listWaits({ held: [], paused: [] }, claims),
        ...claims.filter(({ stage }) => stage === 'open').map(({ message }) => toHeld(message, shortWaitMs)),
      ];
      await this.#giveBack(claims.filter(isUnsent));
      await Promise.all([this.#settler.settled(), this.#publish(outcomes), Promise.allSettled([written])]);
      await ledger.leaveWaiting(claims.map(({ notificationId }) => notificationId));
      await ledger.postpone(waits.map(({ message, wait }) => this.#park(message, wait)));
    };
    const finishing = finish();
    for (const channel of channels) {
      const some = claims.filter(({ message }) => message.event.channel === channel);
      if (some.length > 0) this.#stragglers[channel].add(some, finishing);
    }
  }

  /** @returns what is to be told, when this was its end */
  #conclude(claim: Claimed, judgement: Parameters<typeof decide>[0], othersGot: boolean): Told | undefined {
    const { message, notificationId, month, attempt, token, mayHaveLeft } = claim;
    const { on_no_answer: onNoAnswer, expires_at: expiresAt, requested_at: requestedAtMs } = message.event;
    const now = Date.now();
    this.#guards.concluded(claim, judgement);
    const isCancelled = this.#options.holds.find(message.event)?.state === 'cancelled';
    const about = { attempt, onNoAnswer, expiresAt, waitsSince: message.waitsSince, mayHaveLeft, isCancelled };
    const trial = { ...about, othersGot, crowd: this.#putOff.count(now) };
    const consequence = decide(judgement, trial, now, Math.random());
    const { reason, detail } = consequence;
    const settled = { notificationId, month, attempt, token, requestedAtMs, endedAtMs: now, reason, detail };
    claim.stage = 'judged';
    if (consequence.state === 'deferred') {
      this.#putOff.add(now);
      const { waitingReason, dueInMs } = consequence;
      const parked = this.#park(message, { reason: waitingReason, dueInMs, attempt });
      if (message.waitsSince === null) this.#backlog.took(parked.value.length);
      this.#settler.add({ ...settled, state: 'deferred', suppress: false, parked });
      return undefined;
    }
    const { state, suppress } = consequence;
    const tries = judgement.kind === 'cancelled' ? attempt - 1 : attempt;
    this.#settler.add({ ...settled, state, suppress, tries });
    return toTold(message, { state, reason, detail, stage: 'dispatcher', attempt: tries, endedAtMs: now });
  }

  #park(message: Message, wait: Wait & { attempt?: number }): Parked {
    const value = this.#options.codec.encode(this.#options.input, message.event);
    return toParked(message, value, { attempt: 0, ...wait });
  }

  /** By the person: of what waits so, the first message to a person goes first, and new ones wait behind it. */
  #parkInOrder(message: Message, wait: Wait): Parked {
    const { user_id: key, channel } = message.event;
    this.#backlog.saw(channel);
    return { ...this.#park(message, wait), key, awaitsChannel: true };
  }

  async #publish(outcomes: readonly Told[]): Promise<void> {
    if (outcomes.length === 0) return;
    const topic = this.#options.outcomes;
    await this.#options.publisher.publish(
      outcomes.map(({ event, traceparent }) => ({ topic, key: event.user_id, event, traceparent })),
    );
  }

  async #giveBack(claims: readonly Claimed[]): Promise<void> {
    if (claims.length === 0) return;
    this.#marks.end(claims.map((claim) => claim.notificationId));
    for (const claim of claims) claim.stage = 'back';
    await this.#options.ledger.release(claims);
  }

  async #renew(claims: readonly Claimed[], lease: Lease): Promise<void> {
    const kept = claims.filter(({ stage }) => stage === 'open' || stage === 'leaving');
    if (kept.length === 0) return;
    const askedAt = readClocks();
    try {
      const renewed = await this.#options.ledger.renew(kept);
      for (const claim of kept) if (!renewed.has(claim.notificationId)) claim.lost = true;
      lease.renewed(askedAt);
    } catch (error) {
      this.#options.logger.warn(`the lease of ${kept.length} claims could not be renewed: ${describeError(error)}`);
    }
  }
}

const isUnsent = ({ stage }: Claimed): boolean => stage === 'open' || stage === 'late' || stage === 'paused';
