// How long messages take from their 202 until somebody outside has them, and how long that is in a calm moment.

import { priorities } from '../../../lib/topics.ts';
import { eventually } from '../../support/eventually.ts';
import { createLaneLoad } from './lane-load.ts';
import type { World } from './world.ts';

/**
 * @param acceptedAtMs by notification id
 * @returns how long each took, milliseconds, in the same order; infinite where it was not sent within the time
 */
export async function waitForAll(
  { sink }: World,
  acceptedAtMs: ReadonlyMap<string, number>,
  withinMs: number,
): Promise<number[]> {
  let sentAtMs = new Map<string, number>();
  const areAllSent = () => {
    sentAtMs = new Map(sink.accepted().map(({ notificationId, atMs }) => [notificationId, atMs]));
    return [...acceptedAtMs.keys()].every((id) => sentAtMs.has(id));
  };
  await eventually(areAllSent, 'everybody is sent', withinMs).catch(() => {});
  return [...acceptedAtMs].map(([id, fromMs]) => (sentAtMs.get(id) ?? Number.POSITIVE_INFINITY) - fromMs);
}

const channels = ['email', 'sms'] as const;
const calmPerLane = 20;
const calmWithinMs = 30_000;

/**
 * For a run that shares its machine with others: what it may take beyond a promise, since it takes as long without any trouble.
 * @returns how long the slowest takes, milliseconds, of some in each lane and channel
 */
export async function measureCalm(world: World, from: number): Promise<number> {
  const load = createLaneLoad(world, from);
  for (const priority of priorities) {
    for (const channel of channels) await load.send(priority, channel, load.take(calmPerLane));
  }
  const acceptedAtMs = new Map([...load.planned].map(([id, one]) => [id, one.acceptedAtMs]));
  const slowestMs = Math.max(...(await waitForAll(world, acceptedAtMs, calmWithinMs)));
  if (slowestMs > calmWithinMs) throw new Error(`without any trouble the slowest took longer than ${calmWithinMs} ms`);
  return slowestMs;
}
