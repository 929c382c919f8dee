// One number from a service's metrics.
import type { ServiceName } from '../../../dev/services.ts';
import type { World } from './world.ts';

/** @returns the sum over all its labels; 0 when there is none yet */
export async function readMetric(world: World, service: ServiceName, name: string): Promise<number> {
  const response = await fetch(`${world.launched.services.opsUrl(service)}/metrics`);
  let sum = 0;
  for (const line of (await response.text()).split('\n')) {
    if (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) sum += Number(line.slice(line.lastIndexOf(' ')));
  }
  return sum;
}
