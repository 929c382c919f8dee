// A passage through lanes: over when all that was there at its beginning has been read, whatever came later.
import { expect, it } from 'vitest';
import { measureLag } from '../../lib/kafka/lag.ts';
import { startPassage } from '../../lib/kafka/passage.ts';
import type { Lane } from '../../lib/topics.ts';
import { openStageLab, type StageLab } from '../support/stage-lab.ts';
import { truncateTopic } from '../support/truncate-topic.ts';

async function readUpTo(lab: StageLab, { group, input }: Lane, offset: number): Promise<void> {
  const admin = lab.kafka.admin();
  await admin.connect();
  await admin.setOffsets({ groupId: group, topic: input.name, partitions: [{ partition: 0, offset: String(offset) }] });
  await admin.disconnect();
}

const add = (lab: StageLab, { input }: Lane, count: number) =>
  lab.send(
    input.name,
    Array.from({ length: count }, () => Buffer.from('x')),
  );

it('is over with traffic that never ends, once each lane in turn has read what was there', async () => {
  const lab = await openStageLab({ partitions: 1 });
  const [first, second] = [lab.topics.lanes.enricher[2], lab.topics.lanes.renderer[2]];
  if (!first || !second) throw new Error('no lanes');
  await add(lab, first, 5);
  await add(lab, second, 1);
  const passage = startPassage(lab.kafka, [[first], [second]]);
  expect(await passage.check()).toBe(false);
  await add(lab, first, 3);
  await readUpTo(lab, first, 4);
  expect(await passage.check()).toBe(false);
  // The first lane is through, and has written to the second by then.
  await add(lab, second, 2);
  await readUpTo(lab, first, 5);
  expect(await passage.check()).toBe(false);
  await readUpTo(lab, second, 2);
  expect(await passage.check()).toBe(false);
  await add(lab, second, 4);
  await readUpTo(lab, second, 3);
  expect(await passage.check()).toBe(true);
  expect(await measureLag(lab.kafka, [first, second])).toBe(7);
});

it('is over where what was there was deleted', async () => {
  const lab = await openStageLab({ partitions: 1 });
  const [, , lane] = lab.topics.lanes.dispatcher;
  if (!lane) throw new Error('no lane');
  await add(lab, lane, 5);
  const passage = startPassage(lab.kafka, [[lane]]);
  expect(await passage.check()).toBe(false);
  await truncateTopic(lab.kafka, lane.input.name);
  expect(await passage.check()).toBe(true);
});
