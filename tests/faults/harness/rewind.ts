// Lets a service read its topics once more from their beginning, as an operator would who resets the offsets of its groups.
import type { ServiceName } from '../../../dev/services.ts';
import type { Admin } from '../../../lib/kafka/client.ts';
import { withAdmin } from '../../../lib/kafka/topic-admin.ts';
import type { Lane } from '../../../lib/topics.ts';
import { eventually } from '../../support/eventually.ts';
import type { World } from './world.ts';

/** Members that were killed are members until their session ends. */
const emptyWithinMs = 90_000;
const readWithinMs = 300_000;

/** Stops the service, resets its lanes, starts it again, and waits until it has read all that. @returns how many records */
export async function rewind(world: World, service: ServiceName, lanes: readonly Lane[]): Promise<number> {
  const { services } = world.launched;
  const act = <T>(work: (admin: Admin) => Promise<T>) => withAdmin(world.kafka, work, emptyWithinMs + readWithinMs);
  const ends = new Map<string, bigint>();
  await services.stopOne(service);
  const count = await act(async (admin) => {
    const groups = lanes.map(({ group }) => group);
    const areEmpty = async () =>
      (await admin.describeGroups(groups)).groups.every(({ state }) => state === 'Empty' || state === 'Dead');
    await eventually(areEmpty, `the groups of the ${service} are empty`, emptyWithinMs);
    let sum = 0;
    for (const { group, input } of lanes) {
      const offsets = await admin.fetchTopicOffsets(input.name);
      const partitions = offsets.map(({ partition, low }) => ({ partition, offset: low }));
      await admin.setOffsets({ groupId: group, topic: input.name, partitions });
      for (const { partition, low, high } of offsets) {
        sum += Number(high) - Number(low);
        if (high !== low) ends.set(`${input.name} ${partition}`, BigInt(high));
      }
    }
    return sum;
  });
  services.startOne(service);
  await act((admin) =>
    eventually(
      async () => (await listBehind(admin, lanes, ends)).length === 0,
      `the ${service} has read its topics again`,
      readWithinMs,
    ),
  );
  return count;
}

async function listBehind(admin: Admin, lanes: readonly Lane[], ends: ReadonlyMap<string, bigint>): Promise<string[]> {
  const behind: string[] = [];
  for (const { group, input } of lanes) {
    const [committed] = await admin.fetchOffsets({ groupId: group, topics: [input.name] });
    for (const { partition, offset } of committed?.partitions ?? []) {
      const place = `${input.name} ${partition}`;
      if (BigInt(offset) < (ends.get(place) ?? 0n)) behind.push(place);
    }
  }
  return behind;
}
