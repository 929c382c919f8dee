// What a worker of the model does next when nothing disturbs it: so that sequences come far enough to be broken.
import type { Refusal, Step } from './steps.ts';
import type { World } from './world.ts';

const fates: readonly Refusal[] = ['dead', 'refused', 'greylisted', 'greylisted', 'broken'];

/** @param luck chooses between what is possible, and how it goes */
export function nextOf({ workers, last }: World, which: 0 | 1, luck: number): Step | undefined {
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
