// Sends the claimed messages of a slice: as many at a time as the transport has connections, those to one person one
// after the other. What becomes of each is told at once; what cannot be sent now stays `open`, or becomes `late` or `paused`.
import { DependencyError } from '../../lib/errors.ts';
import type { Conclude, Judged } from './dispatch.ts';
import type { Lease } from './lease.ts';
import type { Hold } from './ledger/types.ts';
import type { Marks } from './marks.ts';
import type { Claimed } from './messages.ts';
import type { Settler } from './settler.ts';
import type { Transport } from './transports/transport.ts';

export interface Sending {
  transport: Transport;
  settler: Settler;
  marks: Marks;
  lease: Lease;
  /** Messages on which the transport broke while nothing else worked: how often, in this and earlier slices. */
  suspects: Map<string, number>;
  signal: AbortSignal;
  /** What keeps it back, asked before each body leaves; undefined when it may go on. */
  holdOf(claim: Claimed): Hold | undefined;
  /** Called some times a second while messages wait for their turn (the transport's rate limit). */
  onWaiting?(): void;
  /** Tells what became of a message. */
  conclude: Conclude<Claimed>;
}

/** Tries of one message over a transport that fails before the body has left. */
const triesInPlace = 3;
/** A message that alone breaks the transport so often is put off, like any other that cannot be taken. */
const roundsOfSuspicion = 5;
const maxSuspects = 1_000;

/**
 * @returns the outside part that is down, when one is: then some claims may still be `open`
 * @throws whatever a bug throws, once nothing is under way any more
 */
export async function sendSlice(claims: readonly Claimed[], sending: Sending): Promise<DependencyError | undefined> {
  const { transport, settler, marks, lease, suspects, signal, holdOf, onWaiting = () => {} } = sending;
  const { breaker } = transport;
  let down: DependencyError | undefined;
  let bug: { error: unknown } | undefined;
  const people = [...Map.groupBy(claims, (claim) => claim.message.event.user_id).values()];
  let nextPerson = 0;
  /** Their first message broke the transport; it comes again when the others have shown whether that works for them. */
  const setAside: { own: readonly Claimed[]; successesBefore: number }[] = [];

  const inHand = new Set<Claimed>();
  const isOver = () => down !== undefined || bug !== undefined || signal.aborted;

  signal.addEventListener('abort', lookAtMarks);
  const first = people[0];
  if (first && breaker.isProving) {
    nextPerson = 1;
    await sendAll(first);
  }
  await Promise.all(Array.from({ length: Math.min(transport.parallel, people.length) }, work));
  for (const { own, successesBefore } of setAside) await sendAll(own, successesBefore);
  signal.removeEventListener('abort', lookAtMarks);
  if (bug) throw bug.error;
  return down;

  function lookAtMarks(): void {
    marks.look();
  }

  function goesDown(error: DependencyError): void {
    down ??= error;
    marks.look();
  }

  async function work(): Promise<void> {
    for (let own = people[nextPerson++]; own; own = people[nextPerson++]) await sendAll(own);
  }

  /** @param successesBefore when they come again: how often the transport had worked when they first came */
  async function sendAll(own: readonly Claimed[], successesBefore?: number): Promise<void> {
    for (const claim of own) {
      if (isOver()) return;
      const successCount = breaker.successCount;
      inHand.add(claim);
      try {
        const judgement = await sendOne(claim);
        if (!judgement) continue;
        if (judgement.kind !== 'transport') conclude(claim, judgement);
        else if (down) return;
        else if (breaker.successCount > (successesBefore ?? successCount)) conclude(claim, judgement);
        else if (successesBefore === undefined) {
          setAside.push({ own: own.slice(own.indexOf(claim)), successesBefore: successCount });
          return;
        } else if (judgement.suspect && isSuspectedLong(claim)) conclude(claim, judgement);
        else goesDown(breaker.toError());
      } catch (error) {
        if (error instanceof DependencyError) down ??= error;
        else bug ??= { error };
        marks.look();
      } finally {
        inHand.delete(claim);
      }
    }
  }

  /** @returns undefined when this claim must wait for another time; `transport` when that failed again and again */
  async function sendOne(claim: Claimed): Promise<Judged | undefined> {
    const { event } = claim.message;
    const mayLeave = () => {
      const may = !claim.lost && !signal.aborted && lease.lastsAt(performance.now()) && !holdOf(claim);
      if (may) claim.stage = 'leaving';
      return may;
    };
    for (let tried = 1; ; tried++) {
      await settler.room();
      if (holdOf(claim)) return stopShort(claim);
      if (transport.turn) {
        const isWanted = () => !isOver() && !claim.lost && !holdOf(claim);
        await transport.turn({ isWanted, onWaiting });
        if (isOver()) return undefined;
        if (holdOf(claim)) return stopShort(claim);
      }
      if (event.on_no_answer === 'park' && !marks.has(claim)) {
        await markFrom(claim);
        if (isOver()) return undefined;
      }
      const judgement = claim.lost ? ({ kind: 'too_late' } as const) : await transport.send(event, mayLeave);
      if (judgement.kind === 'too_late') return stopShort(claim);
      if (judgement.kind === 'transport') {
        // It certainly was not taken: left as `leaving`, it would neither be given back nor come again.
        claim.stage = 'open';
        breaker.failed(judgement.detail, judgement.hopeless);
      } else if (judgement.kind === 'no_answer') breaker.failed(judgement.detail, false);
      else breaker.succeeded();
      if (breaker.isOpen) goesDown(breaker.toError());
      if (judgement.kind !== 'transport' || down || tried === triesInPlace) return judgement;
    }
  }

  /** Its body does not leave: it is on hold, its lease is too short or lost, or the lane stops. */
  function stopShort(claim: Claimed): Judged | undefined {
    const hold = claim.lost ? undefined : holdOf(claim);
    if (hold?.state === 'cancelled') return { kind: 'cancelled' };
    claim.stage = hold ? 'paused' : 'late';
    claim.hold = hold ?? null;
    marks.end([claim.notificationId]);
    return undefined;
  }

  function conclude(claim: Claimed, judgement: Judged): void {
    suspects.delete(claim.notificationId);
    sending.conclude(claim, judgement);
  }

  /** Nothing else worked either, so the server is to blame; unless it is the same message time and again. */
  function isSuspectedLong({ notificationId }: Claimed): boolean {
    if (suspects.size >= maxSuspects) suspects.clear();
    const rounds = (suspects.get(notificationId) ?? 0) + 1;
    suspects.set(notificationId, rounds);
    return rounds >= roundsOfSuspicion;
  }

  async function markFrom(claim: Claimed): Promise<void> {
    const at = claims.indexOf(claim);
    // What waits for its turn for long is not marked before: a kill would leave it unknown, though nothing of it had left.
    const soon = transport.turn ? claims.slice(at, at + transport.parallel) : claims.slice(at);
    const wish = { isWanted: () => !isOver(), mayWait: () => !claims.some(isMarkedAhead) };
    await settler.unlessDown(
      marks.mark(
        soon.filter((next) => parks(next) && !holdOf(next)),
        wish,
      ),
    );
  }

  /** Its mark ends only when somebody here takes it in hand; perhaps who waits: it may be of the same person. */
  function isMarkedAhead(claim: Claimed): boolean {
    return claim.stage === 'open' && !inHand.has(claim) && marks.has(claim);
  }
}

const parks = (claim: Claimed): boolean => claim.message.event.on_no_answer === 'park';
