// The calm after a sequence: nobody is on hold any more, everything works, and all that Kafka still owes or that waits is
// handled. Then every notification must have exactly one end.
import { expect } from 'vitest';
import { checkInvariants } from './invariants.ts';
import { perform } from './perform.ts';
import type { Step } from './steps.ts';
import type { World } from './world.ts';

const rounds = 6;

export async function drain(world: World): Promise<void> {
  const { notes, requestIds, workers } = world;
  const [worker] = workers;
  for (const one of workers) one.crash();
  for (const request of requestIds.keys()) {
    await perform(world, { do: 'hold', request, state: undefined });
  }
  for (const scope of ['promotional', 'lane'] as const) await perform(world, { do: 'share', scope, isPlaced: false });
  while (world.deadLettered.length > 0) await act(world, { do: 'tellPutAside', pick: 0 });
  for (let round = 0; round < rounds; round++) {
    await act(world, { do: 'wake' }, { do: 'endLeases', except: undefined }, { do: 'makeDue' });
    const owed = notes.filter(({ isOwed }) => isOwed);
    if (owed.length === 0 && world.last.waiting.size === 0) break;
    await worker.look();
    if (owed.length > 0) await worker.take('kafka', owed, false);
    await worker.take('waiting', [], false);
    await checkInvariants(world, new Set(['claim', 'settle']));
    for (const slice of worker.slices.values()) {
      const open = slice.sorted.claimed.filter(({ stage }) => stage === 'open');
      const parking = open.filter(({ message }) => message.event.on_no_answer === 'park');
      if (parking.length > 0) await worker.mark(slice, parking, false);
      await checkInvariants(world, new Set(['mark']));
      for (const claim of open) worker.handOver(slice, claim, 'taken');
      for (const { claim } of worker.claims('leaving')) {
        worker.answer(slice, claim, true, { kind: 'sent', detail: '' });
      }
    }
    for (const slice of [...worker.slices.values()]) await worker.close(slice, 4, false);
    await checkInvariants(world, new Set(['release', 'settle', 'park']));
  }
  const ends = notes.map(({ event }) => world.last.rows.get(event.notification_id)?.state ?? 'none');
  for (const state of ends) expect(['sent', 'failed', 'skipped', 'unknown'], 'everybody ends').toContain(state);
  expect(world.last.waiting.size, 'nothing waits any more').toBe(0);
}

async function act(world: World, ...steps: Step[]): Promise<void> {
  for (const step of steps) await checkInvariants(world, new Set(await perform(world, step)));
}
