// The commands of the ledger's model as plain data, so that fast-check can shrink a sequence to the few that matter, and
// what each of them does to the world. One that does not fit the moment does nothing.
import fc from 'fast-check';
import { sql } from 'kysely';
import type { Judged } from '../../../services/dispatcher/dispatch.ts';
import { outcome } from '../ledger-steps.ts';
import type { Source } from './worker.ts';
import type { Handover, Plan, World } from './world.ts';

type Refusal = 'dead' | 'refused' | 'greylisted' | 'broken';

export type Step =
  /** Whatever this worker would do next; the number chooses between what is possible, and how it goes. */
  | { do: 'go'; worker: 0 | 1; luck: number }
  | { do: 'take'; worker: 0 | 1; source: Source; which: number; isLost: boolean }
  | { do: 'takeBoth'; which: number }
  | { do: 'mark'; worker: 0 | 1; isLost: boolean }
  | { do: 'handOver'; worker: 0 | 1; pick: number; fate: Handover['fate'] }
  | { do: 'refuse'; worker: 0 | 1; pick: number; why: Refusal }
  | { do: 'answer'; worker: 0 | 1; pick: number; isHeard: boolean; why: Refusal }
  | { do: 'settle'; worker: 0 | 1; count: number; isLost: boolean }
  | { do: 'renew'; worker: 0 | 1 }
  | { do: 'look'; worker: 0 | 1 }
  | { do: 'close'; worker: 0 | 1; source: Source; stopAfter: number; keepsToken: boolean }
  | { do: 'putAside'; worker: 0 | 1; pick: number }
  | { do: 'farewell' | 'crash'; worker: 0 | 1 }
  | { do: 'endLeases'; except: 0 | 1 | undefined }
  | { do: 'makeDue' | 'wake' }
  | { do: 'hold'; request: number; state: 'paused' | 'cancelled' | undefined }
  | { do: 'suppress' | 'unsubscribe' | 'expire' | 'endEarlier' | 'tellPutAside'; pick: number };

const worker = fc.constantFrom(0 as const, 1 as const);
const pick = fc.nat(5);
const which = fc.integer({ min: 1, max: 31 });
const source = fc.constantFrom<Source>('kafka', 'waiting');
const why = fc.constantFrom<Refusal>('dead', 'refused', 'greylisted', 'broken');
const isLost = fc.integer({ min: 0, max: 5 }).map((one) => one === 5);
const just = <D extends string>(what: D) => fc.constant(what);

export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 40, arbitrary: fc.record({ do: just('go'), worker, luck: fc.nat(999) }) },
  { weight: 6, arbitrary: fc.record({ do: just('take'), worker, source, which, isLost }) },
  { weight: 1, arbitrary: fc.record({ do: just('takeBoth'), which }) },
  { weight: 4, arbitrary: fc.record({ do: just('mark'), worker, isLost }) },
  {
    weight: 7,
    arbitrary: fc.record({
      do: just('handOver'),
      worker,
      pick,
      fate: fc.constantFrom<Handover['fate']>('taken', 'taken', 'taken', 'refused', 'cut'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: just('refuse'), worker, pick, why }) },
  { weight: 6, arbitrary: fc.record({ do: just('answer'), worker, pick, isHeard: fc.boolean(), why }) },
  { weight: 4, arbitrary: fc.record({ do: just('settle'), worker, count: fc.integer({ min: 1, max: 3 }), isLost }) },
  { weight: 1, arbitrary: fc.record({ do: just('renew'), worker }) },
  { weight: 2, arbitrary: fc.record({ do: just('look'), worker }) },
  {
    weight: 5,
    arbitrary: fc.record({
      do: just('close'),
      worker,
      source,
      stopAfter: fc.constantFrom(1, 2, 3, 4, 4, 4, 4, 4),
      keepsToken: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: just('putAside'), worker, pick }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('crash', 'farewell'), worker }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: just('endLeases'),
      except: fc.constantFrom(undefined, undefined, 0 as const, 1 as const),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('makeDue', 'makeDue', 'makeDue', 'wake') }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: just('hold'),
      request: fc.nat(1),
      state: fc.constantFrom('paused', 'paused', 'cancelled', undefined, undefined),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('suppress', 'unsubscribe', 'expire'), pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('endEarlier', 'tellPutAside'), pick }) },
) as fc.Arbitrary<Step>;

export const anyPlan: fc.Arbitrary<Plan> = fc.record({
  requestCount: fc.constantFrom(1 as const, 2 as const),
  notes: fc.array(fc.record({ request: fc.nat(1), parks: fc.boolean(), isPromo: fc.boolean() }), {
    minLength: 1,
    maxLength: 5,
  }),
});

const fates: readonly Refusal[] = ['dead', 'refused', 'greylisted', 'greylisted', 'broken'];
const refusals: Record<Refusal, Judged> = {
  dead: { kind: 'failed', reason: 'invalid_address', detail: '550 5.1.1', suppress: true },
  refused: { kind: 'failed', reason: 'refused', detail: '554 5.7.1', suppress: false },
  greylisted: { kind: 'deferred', reason: 'greylisted', detail: '450 4.7.1' },
  broken: {
    kind: 'transport',
    reason: 'no_connection',
    detail: 'reset',
    hopeless: false,
    suspect: true,
  },
};

/** @returns the kinds of statements that it ran */
export async function perform(world: World, step: Step): Promise<string[]> {
  const { lab, notes, workers } = world;
  switch (step.do) {
    case 'go': {
      const next = nextOf(world, step.worker, step.luck);
      return next ? perform(world, next) : [];
    }
    case 'take':
      await workers[step.worker].take(step.source, choose(notes, step.which), step.isLost);
      return ['claim', 'settle'];
    case 'takeBoth':
      await Promise.all(workers.map((one) => one.take('kafka', choose(notes, step.which), false)));
      return ['claim', 'settle'];
    case 'mark': {
      const parking = workers[step.worker].claims('open').filter(({ claim, slice }) => {
        return claim.message.event.on_no_answer === 'park' && slice.lasts && !slice.marked.has(claim.notificationId);
      });
      const slice = parking[0]?.slice;
      if (!slice) return [];
      const some = parking.filter((one) => one.slice === slice).map(({ claim }) => claim);
      await workers[step.worker].mark(slice, some, step.isLost);
      return ['mark'];
    }
    case 'handOver':
    case 'refuse': {
      const open = workers[step.worker].claims('open');
      const found = open[step.pick % open.length];
      if (!found) return [];
      if (step.do === 'handOver') workers[step.worker].handOver(found.slice, found.claim, step.fate);
      else workers[step.worker].refuseEarly(found.slice, found.claim, refusals[step.why]);
      return [];
    }
    case 'answer': {
      const leaving = workers[step.worker].claims('leaving');
      const found = leaving[step.pick % leaving.length];
      if (found) workers[step.worker].answer(found.slice, found.claim, step.isHeard, refusals[step.why]);
      return [];
    }
    case 'settle':
      if (workers[step.worker].pendingCount === 0) return [];
      await workers[step.worker].settle(step.count, step.isLost);
      return ['settle'];
    case 'renew':
      for (const slice of workers[step.worker].slices.values()) await workers[step.worker].renew(slice);
      return ['renew'];
    case 'look':
      await workers[step.worker].look();
      return [];
    case 'close': {
      const slice = workers[step.worker].slices.get(step.source);
      if (!slice) return [];
      await workers[step.worker].close(slice, step.stopAfter, step.keepsToken);
      return ['release', 'settle', 'park'];
    }
    case 'putAside': {
      const slice = workers[step.worker].slices.get('kafka');
      const note = slice && (await workers[step.worker].putAside(slice, step.pick));
      if (note) world.deadLettered.push(note);
      return slice ? ['release', 'settle'] : [];
    }
    case 'farewell':
      await workers[step.worker].farewell();
      return ['release', 'settle'];
    case 'crash':
      workers[step.worker].crash();
      return [];
    default:
      return performOutside(world, step, lab);
  }
}

function nextOf({ workers, last }: World, which: 0 | 1, luck: number): Step | undefined {
  const worker = workers[which];
  const [open, leaving] = [worker.claims('open'), worker.claims('leaving')];
  const pick = luck;
  const why = fates[luck % fates.length] ?? 'refused';
  const next: Step[] = [];
  const isMarked = open.some(({ slice, claim }) => slice.marked.has(claim.notificationId));
  const parks = open.some(({ claim }) => claim.message.event.on_no_answer === 'park');
  if (parks && !isMarked) next.push({ do: 'mark', worker: which, isLost: false });
  if (open.length > 0) {
    const fate = luck % 7 === 6 ? 'cut' : luck % 7 === 5 ? 'refused' : 'taken';
    next.push({ do: 'handOver', worker: which, pick, fate });
    if (luck % 3 === 0) next.push({ do: 'refuse', worker: which, pick, why });
  }
  if (leaving.length > 0) next.push({ do: 'answer', worker: which, pick, isHeard: luck % 5 !== 0, why });
  if (worker.pendingCount > 0) next.push({ do: 'settle', worker: which, count: 3, isLost: false });
  const isBusy = open.length + leaving.length + worker.pendingCount > 0;
  for (const source of ['kafka', 'waiting'] as const) {
    const isHere = worker.slices.has(source);
    if (isHere && !isBusy) next.push({ do: 'close', worker: which, source, stopAfter: 4, keepsToken: false });
    if (!isHere && (source === 'kafka' ? !isBusy : last.waiting.size > 0)) {
      next.push({ do: 'take', worker: which, source, which: 1 + (luck % 31), isLost: false });
    }
  }
  return next[Math.floor(luck / 7) % next.length];
}

/** What people and time do. */
async function performOutside(
  world: World,
  step: Exclude<Step, { worker: unknown } | { do: 'takeBoth' }>,
  lab: World['lab'],
): Promise<string[]> {
  const { notes, workers, requestIds } = world;
  switch (step.do) {
    case 'endLeases': {
      const spared =
        step.except === undefined ? [] : [...workers[step.except].slices.values()].map(({ token }) => token);
      await sql`
        update deliveries set lease_until = now() - interval '1 second'
        where month = ${world.month}::date and notification_id = any(${notes.map(({ event }) => event.notification_id)}::uuid[])
          and lease_until is not null and token <> all(${spared}::uuid[])
      `.execute(lab.db);
      await sql`update waiting set lease_until = null`.execute(lab.db);
      for (const [at, one] of workers.entries()) if (at !== step.except) one.loseTime();
      return ['time'];
    }
    case 'makeDue':
      await sql`update waiting set due_at = now() where resume_at is null`.execute(lab.db);
      return ['time'];
    case 'wake':
      await lab.ledger.wake(undefined);
      return ['wake'];
    case 'hold': {
      const requestId = requestIds[step.request % requestIds.length] ?? '';
      if (world.holds.get(requestId) === 'cancelled') return [];
      await lab.hold(requestId, step.state);
      if (step.state) world.holds.set(requestId, step.state);
      else world.holds.delete(requestId);
      if (step.state !== 'paused') {
        for (const note of notes.filter(({ event, isPassed }) => isPassed && event.request_id === requestId)) {
          note.isPassed = false;
          note.isOwed = true;
        }
      }
      return [];
    }
    default:
      return performOn(world, step, lab);
  }
}

async function performOn(
  world: World,
  step: { do: 'suppress' | 'unsubscribe' | 'expire' | 'endEarlier' | 'tellPutAside'; pick: number },
  { db, ledger }: World['lab'],
): Promise<string[]> {
  const { notes, deadLettered } = world;
  const note = notes[step.pick % notes.length];
  if (!note) return [];
  const { user_id, channel, address } = note.event;
  switch (step.do) {
    case 'suppress':
      note.isSuppressed = true;
      await sql`
        insert into suppressions (channel, address, reason) values (${channel}, ${address}, 'manual') on conflict do nothing
      `.execute(db);
      return [];
    case 'unsubscribe':
      note.isUnsubscribed = true;
      await sql`
        insert into unsubscribes (user_id, channel, source) values (${user_id}, ${channel}, 'page') on conflict do nothing
      `.execute(db);
      return [];
    case 'expire':
      // Time goes by until the moment that its request named.
      note.event.expires_at = Date.now() - 1;
      return [];
    case 'endEarlier':
      await ledger.insertEnded([outcome(note.event)]);
      return ['outcome'];
    case 'tellPutAside': {
      const told = deadLettered.pop();
      if (!told) return [];
      await ledger.insertEnded([
        outcome(told.event, { stage: 'dispatcher', state: 'failed', reason: 'dead_lettered', detail: 'a bug' }),
      ]);
      return ['outcome'];
    }
  }
}

const choose = (notes: World['notes'], mask: number): World['notes'] =>
  notes.filter((_, at) => (mask & (1 << at)) !== 0).slice(0, 5);
