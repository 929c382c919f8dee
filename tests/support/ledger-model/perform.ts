// What each command of the ledger's model does to the world. One that does not fit the moment does nothing.
import type { Judged } from '../../../services/dispatcher/dispatch.ts';
import { nextOf } from './next-step.ts';
import { performOutside } from './outside.ts';
import type { Refusal, Step } from './steps.ts';
import type { World } from './world.ts';

const refusals: Record<Refusal, Judged> = {
  dead: { kind: 'failed', reason: 'invalid_address', detail: '550 5.1.1', suppress: true },
  refused: { kind: 'failed', reason: 'refused', detail: '554 5.7.1', suppress: false },
  greylisted: { kind: 'deferred', reason: 'greylisted', detail: '450 4.7.1' },
  broken: {
    kind: 'transport',
    reason: 'no_connection',
    detail: 'reset',
    hopeless: false,
    isBroken: true,
    isRefusal: false,
  },
};

/** @returns the kinds of statements that it ran */
export async function perform(world: World, step: Step): Promise<string[]> {
  const { notes, workers } = world;
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
      return performOutside(world, step);
  }
}

const choose = (notes: World['notes'], mask: number): World['notes'] =>
  notes.filter((_, at) => (mask & (1 << at)) !== 0).slice(0, 5);
