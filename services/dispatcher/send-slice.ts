// Sends the claimed messages of a slice: as many at a time as the transport has connections, those to one person one
// after the other. What becomes of each is told at once; what cannot be sent now stays `open`, or becomes `late`.
import { DependencyError } from '../../lib/errors.ts';
import type { Conclude } from './dispatch.ts';
import type { Lease } from './lease.ts';
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
  const { transport, settler, marks, lease, suspects, signal } = sending;
  const { breaker } = transport;
  let down: DependencyError | undefined;
  let bug: { error: unknown } | undefined;
  const people = [...Map.groupBy(claims, (claim) => claim.message.event.user_id).values()];
  let nextPerson = 0;

  const first = people[0];
  if (first && breaker.isProving) {
    nextPerson = 1;
    await sendAll(first);
  }
  await Promise.all(Array.from({ length: Math.min(transport.parallel, people.length) }, work));
  if (bug) throw bug.error;
  return down;

  async function work(): Promise<void> {
    for (let own = people[nextPerson++]; own; own = people[nextPerson++]) await sendAll(own);
  }

  async function sendAll(own: readonly Claimed[]): Promise<void> {
    for (const claim of own) {
      if (down || bug || signal.aborted) return;
      try {
        await sendOne(claim);
      } catch (error) {
        if (error instanceof DependencyError) down ??= error;
        else bug ??= { error };
      }
    }
  }

  async function sendOne(claim: Claimed): Promise<void> {
    const { event } = claim.message;
    const mayLeave = () => {
      const may = !claim.lost && !signal.aborted && lease.lastsAt(performance.now());
      if (may) claim.stage = 'leaving';
      return may;
    };
    const successesBefore = breaker.successCount;
    for (let tried = 1; ; tried++) {
      await settler.room();
      if (event.on_no_answer === 'park' && !marks.has(claim)) await markFrom(claim);
      const judgement = claim.lost ? ({ kind: 'too_late' } as const) : await transport.send(event, mayLeave);
      if (judgement.kind === 'too_late') {
        claim.stage = 'late';
        marks.end([claim.notificationId]);
        return;
      }
      if (judgement.kind !== 'transport') {
        if (judgement.kind === 'no_answer') breaker.failed(judgement.detail, false);
        else breaker.succeeded();
        suspects.delete(claim.notificationId);
        return sending.conclude(claim, judgement);
      }
      breaker.failed(judgement.detail, judgement.hopeless);
      if (down || breaker.isOpen) break;
      if (tried < triesInPlace) continue;
      const isGuilty = breaker.successCount > successesBefore || (judgement.suspect && suspect(claim));
      if (!isGuilty) break;
      suspects.delete(claim.notificationId);
      return sending.conclude(claim, judgement);
    }
    down ??= breaker.toError();
  }

  /** Nothing else worked either, so the server is to blame; unless it is the same message time and again. */
  function suspect({ notificationId }: Claimed): boolean {
    if (suspects.size >= maxSuspects) suspects.clear();
    const rounds = (suspects.get(notificationId) ?? 0) + 1;
    suspects.set(notificationId, rounds);
    return rounds >= roundsOfSuspicion;
  }

  async function markFrom(claim: Claimed): Promise<void> {
    const at = claims.indexOf(claim);
    await settler.unlessDown(marks.mark(claims.slice(at).filter(parks)));
  }
}

const parks = (claim: Claimed): boolean => claim.message.event.on_no_answer === 'park';
