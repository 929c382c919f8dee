// Sends the claimed messages of a slice: as many at a time as the transport has connections, those to one person one
// after the other. What becomes of each is told at once; what cannot be sent now stays `open`, or becomes `late` or `paused`.
import { DependencyError } from '../../lib/errors.ts';
import type { Conclude, Judged, Judgement } from './dispatch.ts';
import type { Guard } from './guard.ts';
import type { Lease } from './lease.ts';
import type { Hold } from './ledger/types.ts';
import type { Marks } from './marks.ts';
import { type Claimed, toRefused } from './messages.ts';
import { readClocks } from './read-clocks.ts';
import type { Settler } from './settler.ts';
import { silentMs } from './stragglers.ts';
import { type Breaker, failuresToOpen } from './transports/breaker.ts';
import type { Transport } from './transports/transport.ts';

export interface Sending {
  transport: Transport;
  settler: Settler;
  marks: Marks;
  lease: Lease;
  guard: Guard;
  signal: AbortSignal;
  /** What keeps it back, asked before each body leaves; undefined when it may go on. */
  holdOf(claim: Claimed): Hold | undefined;
  /** Called some times a second while messages wait for their turn (the transport's rate limit). */
  onWaiting?(): void;
  /** Told at once of an answer that decides nothing yet. */
  onRefused(claim: Claimed, judgement: Undecided['judgement']): void;
  /** Tells what became of a message. */
  conclude: Conclude<Claimed>;
  /**
   * Called when nobody is left but those whom the server does not answer, and who stands behind them: the rest of the slice
   * need not wait. @param inHand of those, now and later
   */
  onOnlySilentLeft?(inHand: ReadonlySet<Claimed>): void;
  /** Of the transport's connections, how many may be used at a time; all when left out. */
  parallel?: number;
}

/** Tries of one message over connections that break before its body has left, and for how long. */
const triesInPlace = 3;
const tryInPlaceForMs = 5_000;
/** What is refused in doubt is kept until others have an answer; the oldest of more is put off. */
const maxUndecided = 20;

interface Undecided {
  claim: Claimed;
  judgement: Extract<Judged, { kind: 'transport' | 'doubted' }>;
  /** What the guard had counted when it was refused. */
  since: number;
}

/**
 * An answer that speaks of us or of the transport, or is in doubt, decides nothing by itself. When others get through it was
 * the message's own; when the breaker opens nobody pays for it; when nothing more is to be learnt the message is put off.
 *
 * @returns the outside part that is down, when one is: then some claims may still be `open`
 * @throws whatever a bug throws, once nothing is under way any more
 */
export async function sendSlice(claims: readonly Claimed[], sending: Sending): Promise<DependencyError | undefined> {
  const { transport, settler, marks, lease, guard, signal, holdOf, onRefused, conclude } = sending;
  const { onWaiting = () => {} } = sending;
  const { breaker } = transport;
  const parallel = Math.min(transport.parallel, sending.parallel ?? transport.parallel);
  let down: DependencyError | undefined;
  let bug: { error: unknown } | undefined;
  const undecided: Undecided[] = [];
  /** Further messages of people whose first one is undecided. */
  let later: (readonly Claimed[])[] = [];
  const inHand = new Set<Claimed>();
  /** Those of them whose answer has not come for a while. */
  const silent = new Set<Claimed>();
  /** What is done when another one is silent, or only those are left. */
  let onSilence = () => {};
  const isOver = () => down !== undefined || bug !== undefined || signal.aborted;

  signal.addEventListener('abort', lookAtMarks);
  let people: (readonly Claimed[])[] = [...Map.groupBy(claims, (claim) => claim.message.event.user_id).values()];
  if (breaker.isProving) people = orderForProof(people, breaker);
  for (; people.length > 0 && !isOver(); people = later) {
    later = [];
    await sendTo(people);
    if (!isOver()) decide(undecided.splice(0));
  }
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

  async function sendTo(some: readonly (readonly Claimed[])[]): Promise<void> {
    let next = 0;
    let workerCount = 0;
    await prove();
    const { promise: ended, resolve: end } = Promise.withResolvers<void>();
    onSilence = () => {
      if (isOver() || workerCount === 0 || silent.size < workerCount) return;
      // Others need not wait for these: one more goes on, up to twice as many.
      if (next < some.length) {
        if (workerCount < 2 * parallel) void work();
        return;
      }
      decide(undecided.splice(0));
      sending.onOnlySilentLeft?.(inHand);
    };
    for (let count = Math.min(parallel, some.length); count > 0; count--) void work();
    if (workerCount > 0) await ended;
    onSilence = () => {};

    async function work(): Promise<void> {
      workerCount += 1;
      for (let own = some[next++]; own; own = some[next++]) {
        await sendAll(own);
        if (workerCount - silent.size > parallel) break;
      }
      workerCount -= 1;
      if (workerCount === 0) end();
      else onSilence();
    }

    /** One after the other, until somebody gets through. What was handed over and not answered is too dear for a second try. */
    async function prove(): Promise<void> {
      let failures = 0;
      while (breaker.isProving && next < some.length && failures < failuresToOpen && !isOver()) {
        const kind = await sendAll(some[next++] ?? []);
        if (kind === 'no_answer') failures = failuresToOpen;
        else if (kind === 'transport' || kind === 'doubted') failures += 1;
      }
      if (!breaker.isProving || failures === 0 || isOver()) return;
      breaker.open();
      goesDown(breaker.toError());
    }
  }

  /** @returns what the last answer was, if there was one */
  async function sendAll(own: readonly Claimed[]): Promise<Judged['kind'] | undefined> {
    let kind: Judged['kind'] | undefined;
    for (const [at, claim] of own.entries()) {
      if (isOver()) return kind;
      // The slice has gone on without it, and gave it back.
      if (claim.stage !== 'open') continue;
      inHand.add(claim);
      try {
        const judgement = await sendOne(claim);
        kind = judgement?.kind ?? kind;
        if (!judgement) continue;
        if (judgement.kind === 'transport' || judgement.kind === 'doubted') {
          undecided.push({ claim, judgement, since: guard.answers });
          onRefused(claim, judgement);
          const isOwn = judgement.kind === 'transport' && breaker.isLone(claim.message.event.user_id);
          if (!down && (isOwn || undecided.length > maxUndecided)) decide(undecided.splice(isOwn ? -1 : 0, 1));
          later.push(own.slice(at + 1));
          return kind;
        }
        if (judgement.kind === 'sent') guard.got(toRefused(claim), Date.now());
        conclude(claim, judgement, false);
        if (judgement.kind !== 'no_answer' && judgement.kind !== 'cancelled') learn(claim, judgement.kind === 'sent');
      } catch (error) {
        if (error instanceof DependencyError) down ??= error;
        else bug ??= { error };
        marks.look();
      } finally {
        inHand.delete(claim);
      }
    }
    return kind;
  }

  /** @returns undefined when this claim must wait for another time */
  async function sendOne(claim: Claimed): Promise<Judged | undefined> {
    const { event } = claim.message;
    const recipient = event.user_id;
    const startedAtMs = performance.now();
    const mayLeave = () => {
      const may = !claim.lost && !signal.aborted && lease.lasts(readClocks()) && !holdOf(claim);
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
      const before = { askedAtMs: performance.now(), successCount: breaker.successCount };
      const judgement = claim.lost ? ({ kind: 'too_late' } as const) : await ask(claim, mayLeave);
      const isPassed = performance.now() - before.askedAtMs >= silentMs && breaker.successCount > before.successCount;
      switch (judgement.kind) {
        case 'too_late':
          return stopShort(claim);
        case 'transport':
          // It certainly was not taken: left as `leaving`, it would neither be given back nor come again.
          claim.stage = 'open';
          if (isPassed && !judgement.hopeless) breaker.failedAlone(recipient);
          else breaker.failed(recipient, judgement.detail, judgement.hopeless);
          break;
        case 'doubted':
          claim.stage = 'open';
          break;
        case 'no_answer':
          if (isPassed) breaker.failedAlone(recipient);
          else breaker.failed(recipient, judgement.detail);
          break;
        default:
          breaker.succeeded(recipient);
      }
      if (breaker.isOpen) goesDown(breaker.toError());
      const mayTryAgain = tried < triesInPlace && performance.now() - startedAtMs < tryInPlaceForMs;
      if (judgement.kind !== 'transport' || !judgement.isBroken || down || !mayTryAgain) return judgement;
    }
  }

  async function ask(claim: Claimed, mayLeave: () => boolean): Promise<Judgement> {
    let timer: NodeJS.Timeout | undefined;
    const onAsking = () => {
      timer = setTimeout(() => {
        silent.add(claim);
        onSilence();
      }, silentMs);
    };
    try {
      return await transport.send(claim.message.event, mayLeave, onAsking);
    } finally {
      clearTimeout(timer);
      silent.delete(claim);
    }
  }

  /** Somebody got an answer of their own: then what others met was no matter of the server's. */
  function learn({ message }: Claimed, isSent: boolean): void {
    const decided = undecided.filter(({ claim, judgement, since }) =>
      judgement.kind === 'transport'
        ? claim.message.event.user_id !== message.event.user_id
        : isSent && guard.othersGot(toRefused(claim), since),
    );
    for (const one of decided) undecided.splice(undecided.indexOf(one), 1);
    decide(decided);
  }

  function decide(some: readonly Undecided[]): void {
    for (const { claim, judgement, since } of some) {
      if (claim.stage !== 'open') continue;
      const { waitsSince } = claim.message;
      conclude(claim, judgement, guard.othersGot(toRefused(claim), since, waitsSince ?? undefined));
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

  async function markFrom(claim: Claimed): Promise<void> {
    const at = claims.indexOf(claim);
    // What waits for its turn for long is not marked before: a kill would leave it unknown, though nothing of it had left.
    const soon = transport.turn ? claims.slice(at, at + parallel) : claims.slice(at);
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

/** Those first who have not failed since something last succeeded; and neighbours far apart, for these often fail together. */
function orderForProof(people: readonly (readonly Claimed[])[], breaker: Breaker): (readonly Claimed[])[] {
  const hasFailed = (own: readonly Claimed[]) => breaker.hasFailed(own[0]?.message.event.user_id ?? '');
  const [untried, failed] = [people.filter((own) => !hasFailed(own)), people.filter(hasFailed)];
  return [...spread(untried), ...spread(failed)];
}

function spread<T>(items: readonly T[]): T[] {
  const count = items.length;
  let step = Math.max(1, Math.round(count * 0.618));
  while (greatestCommonDivisor(step, count) > 1) step += 1;
  return items.map((_, at) => items[((at + 1) * step) % count] as T);
}

function greatestCommonDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestCommonDivisor(b, a % b);
}
