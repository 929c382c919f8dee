// The services' own processes: whether one of them has ended.
import type { ServiceName } from '../../../dev/services.ts';
import type { World } from './world.ts';

export const allServices = ['admin', 'ingest', 'planner', 'enricher', 'renderer', 'dispatcher'] as const;

/** @returns which of the services' processes have ended since this was called */
export function watchProcesses({ launched }: World): () => ServiceName[] {
  const pids = allServices.map((name) => launched.services.pid(name));
  return () => allServices.filter((name, at) => launched.services.pid(name) !== pids[at]);
}
