// One service after the other dies without warning: each once in a random order, then whichever comes.
import { setTimeout as sleep } from 'node:timers/promises';
import type { ServiceName } from '../../../dev/services.ts';
import type { Stage } from './scenario.ts';

const victims: readonly [ServiceName, ...ServiceName[]] = ['ingest', 'planner', 'enricher', 'renderer', 'dispatcher'];
const everyMs = 2_000;

/**
 * @param forMs asked before each kill, milliseconds from the first
 * @returns how often the dispatcher was killed
 */
export async function killAtRandom({ world, random, log }: Stage, forMs: () => number): Promise<number> {
  const { services } = world.launched;
  const each = random.shuffle(victims);
  let dispatcherCount = 0;
  for (let killed = 0; killed * everyMs < forMs(); killed++) {
    const victim = each[killed] ?? random.pick(victims);
    if (services.pid(victim) !== undefined) {
      log(`kills the ${victim}`);
      services.kill(victim, 'SIGKILL');
      if (victim === 'dispatcher') dispatcherCount += 1;
    }
    await sleep(everyMs);
  }
  return dispatcherCount;
}
