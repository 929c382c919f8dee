// Looks again and again at what services say they wait for, as an operator's page does.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceName } from '../../../dev/services.ts';
import type { World } from './world.ts';

export interface Watched {
  /** How often it answered. */
  answerCount: number;
  /** How often it was ready. */
  readyCount: number;
  /** How often it named what it waited for. */
  waits: Map<string, number>;
}

export interface WaitWatch {
  stop(): Promise<ReadonlyMap<ServiceName, Watched>>;
}

const everyMs = 250;

export function watchWaits(world: World, services: readonly ServiceName[]): WaitWatch {
  const seen = new Map<ServiceName, Watched>(
    services.map((name) => [name, { answerCount: 0, readyCount: 0, waits: new Map() }]),
  );
  let isOver = false;
  const look = async (name: ServiceName, watched: Watched): Promise<void> => {
    while (!isOver) {
      const waits = await world.waitingFor(name);
      if (waits) {
        watched.answerCount += 1;
        if (waits.length === 0) watched.readyCount += 1;
        for (const what of new Set(waits)) watched.waits.set(what, (watched.waits.get(what) ?? 0) + 1);
      }
      await sleep(everyMs);
    }
  };
  const looking = Promise.all([...seen].map(([name, watched]) => look(name, watched)));
  return {
    async stop() {
      isOver = true;
      await looking;
      return seen;
    },
  };
}

/** `user-service 71 %`: of its answers, how many named each; empty when it was always ready. */
export function describeWaits({ answerCount, waits }: Watched): string {
  return [...waits].map(([what, count]) => `${what} ${Math.round((100 * count) / answerCount)} %`).join(', ');
}
