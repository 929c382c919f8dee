// Records that Kafka deletes before a stage has read them: said aloud, counted exactly, and the stage goes on with what is left.
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import { DependencyError } from '../../lib/errors.ts';
import { eventually } from '../support/eventually.ts';
import { readCounter } from '../support/read-counter.ts';
import { openStageLab, type StageLab } from '../support/stage-lab.ts';
import { chunk, createTestStage } from '../support/test-stage.ts';
import { truncateTopic } from '../support/truncate-topic.ts';

interface Line {
  level: number;
  topic?: string;
  partition?: number;
  group?: string;
  committedOffset?: string | null;
  nextOffset?: string;
  lost?: number;
}

const many = (count: number, from = 0) => Array.from({ length: count }, (_, at) => chunk(`c${from + at}`));

function createLog() {
  const lines: Line[] = [];
  const logger = pino({ level: 'error' }, { write: (text: string) => void lines.push(JSON.parse(text)) });
  return { logger, lost: () => lines.filter(({ lost }) => lost !== undefined) };
}

const lostOf = (lab: StageLab, lane = 'high') =>
  readCounter(lab.metrics, 'posthorn_offsets_lost_total', { stage: 'enricher', priority: lane });
const readUsers = async (lab: StageLab, atLeast: number) =>
  (await lab.readEvents(lab.topics.enriched.high, atLeast)).map(({ user_id }) => user_id);

describe('records that were deleted before they were read', () => {
  it('while the stage was stopped are an error with topic, partition, group and both offsets, and are counted', async () => {
    const lab = await openStageLab();
    const input = lab.topics.planned.high;
    const stage = createTestStage(lab);
    const first = lab.start(stage);
    await lab.sendEvents(input, many(5));
    await readUsers(lab, 5);
    await eventually(async () => (await lab.committed(stage.lane.group, input.name))[0] === 5, 'committed');
    await first.stop();
    await lab.sendEvents(input, many(20, 5));
    await truncateTopic(lab.kafka, input.name, { 0: 25 });
    await lab.sendEvents(input, many(2, 25));
    const log = createLog();
    lab.start(createTestStage(lab), { logger: log.logger });
    const left = [...many(5), ...many(2, 25)].flatMap(({ user_ids }) => user_ids);
    expect((await readUsers(lab, 7)).sort()).toEqual(left.sort());
    expect(await lostOf(lab)).toBe(20);
    expect(log.lost()).toMatchObject([
      {
        level: 50,
        topic: input.name,
        partition: 0,
        group: stage.lane.group,
        committedOffset: '5',
        nextOffset: '25',
        lost: 20,
      },
    ]);
  });

  it('before the group had ever read any are counted as well', async () => {
    const lab = await openStageLab();
    const input = lab.topics.planned.high;
    const stage = createTestStage(lab);
    const first = lab.start(stage);
    await eventually(
      async () => (await lab.committed(stage.lane.group, input.name))[0] === 0,
      'it has its first place',
    );
    await first.stop();
    await lab.sendEvents(input, many(20));
    await truncateTopic(lab.kafka, input.name, { 0: 20 });
    const log = createLog();
    lab.start(createTestStage(lab), { logger: log.logger });
    await lab.sendEvents(input, many(1, 20));
    await readUsers(lab, 1);
    expect(await lostOf(lab)).toBe(20);
    expect(log.lost()).toMatchObject([{ committedOffset: '0', nextOffset: '20' }]);
  });

  it('before the group first came are counted, and said to be without an offset of it', async () => {
    const lab = await openStageLab();
    const input = lab.topics.planned.high;
    await lab.sendEvents(input, many(8));
    await truncateTopic(lab.kafka, input.name, { 0: 6 });
    const log = createLog();
    lab.start(createTestStage(lab), { logger: log.logger });
    await readUsers(lab, 2);
    expect(await lostOf(lab)).toBe(6);
    expect(log.lost()).toMatchObject([{ committedOffset: null, nextOffset: '6' }]);
  });

  it('under a lane that waits for an outside part are noticed by it, without a new membership', async () => {
    const lab = await openStageLab();
    const input = lab.topics.planned.high;
    let isDown = true;
    const stage = createTestStage(lab, {
      load: () => {
        if (isDown) throw new DependencyError('postgres', 'down');
      },
    });
    const log = createLog();
    lab.start(stage, { logger: log.logger });
    await lab.sendEvents(input, many(3));
    await eventually(() => stage.slices.length > 0, 'the first fetch is under way');
    await lab.sendEvents(input, many(30, 3));
    await truncateTopic(lab.kafka, input.name, { 0: 33 });
    isDown = false;
    await lab.sendEvents(input, many(1, 33));
    const users = await readUsers(lab, 4);
    expect(users).toHaveLength(4);
    expect(await lostOf(lab)).toBe(30);
    expect(log.lost()).toMatchObject([{ committedOffset: '3', nextOffset: '33' }]);
  });

  it('are counted once by two members of one group, each for its partitions', async () => {
    const lab = await openStageLab({ partitions: 2 });
    const input = lab.topics.planned.high;
    const stage = createTestStage(lab);
    const first = lab.start(stage);
    await eventually(
      async () => (await lab.committed(stage.lane.group, input.name)).every((offset) => offset === 0),
      'it has its first places',
    );
    await first.stop();
    for (const partition of [0, 1]) await lab.sendEvents(input, many(10 + partition), partition);
    await truncateTopic(lab.kafka, input.name, { 0: 10 });
    await truncateTopic(lab.kafka, input.name, { 1: 4 });
    const log = createLog();
    lab.start(createTestStage(lab), { logger: log.logger });
    lab.start(createTestStage(lab), { logger: log.logger });
    await readUsers(lab, 7);
    await lab.sendEvents(input, many(1, 10), 0);
    await readUsers(lab, 8);
    expect(await lostOf(lab)).toBe(14);
    expect(log.lost()).toHaveLength(2);
  });

  it('are none when only what had been read is gone', async () => {
    const lab = await openStageLab();
    const input = lab.topics.planned.high;
    const log = createLog();
    const stage = createTestStage(lab);
    const first = lab.start(stage, { logger: log.logger });
    await lab.sendEvents(input, many(5));
    await readUsers(lab, 5);
    await eventually(async () => (await lab.committed(stage.lane.group, input.name))[0] === 5, 'committed');
    await truncateTopic(lab.kafka, input.name, { 0: 5 });
    await first.stop();
    lab.start(createTestStage(lab), { logger: log.logger });
    await lab.sendEvents(input, many(1, 5));
    await readUsers(lab, 6);
    expect(await lostOf(lab)).toBe(0);
    expect(log.lost()).toEqual([]);
  });
});

describe('a topic that was deleted and made again', () => {
  it('under a running stage is read from its start, and the jump is an error', async () => {
    const lab = await openStageLab({ partitions: 1 });
    const input = lab.topics.planned.high;
    const log = createLog();
    const stage = createTestStage(lab);
    lab.start(stage, { logger: log.logger });
    await lab.sendEvents(input, many(5));
    await readUsers(lab, 5);
    const admin = lab.kafka.admin();
    await admin.connect();
    await admin.deleteTopics({ topics: [input.name] });
    await eventually(async () => !(await admin.listTopics()).includes(input.name), 'it is gone');
    await eventually(async () => {
      const topics = [{ topic: input.name, numPartitions: 1 }];
      await admin.createTopics({ topics, waitForLeaders: false }).catch(() => {});
      return (await admin.listTopics()).includes(input.name);
    }, 'it is there again');
    await admin.disconnect();
    await eventually(async () => {
      await lab.sendEvents(input, many(2, 5)).catch(() => {});
      return (await readUsers(lab, 7)).includes('user-c6');
    }, 'the new records are read');
    expect(await lostOf(lab)).toBe(1);
    expect(log.lost()).toMatchObject([{ committedOffset: '5', nextOffset: '0', lost: 1 }]);
  });
});
