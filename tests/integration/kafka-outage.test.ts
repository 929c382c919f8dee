// A lane while its Kafka is stopped, killed and frozen: a broker of its own, for the shared one must not fall.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Infrastructure, startInfrastructure } from '../../dev/cluster.ts';
import { eventually } from '../support/eventually.ts';
import { downloadsDir, removeTestData, testDataFolder } from '../support/infrastructure.ts';
import { openStageLab } from '../support/stage-lab.ts';
import { chunk, createTestStage } from '../support/test-stage.ts';

const dataDir = testDataFolder('kafka-outage');
let infrastructure: Infrastructure;

beforeAll(async () => {
  infrastructure = await startInfrastructure({
    dataDir,
    downloadsDir,
    ports: 'free',
    env: { JAVA_HOME: process.env.JAVA_HOME },
    parts: ['kafka'],
    disposable: true,
    log: () => {},
  });
});
afterAll(async () => {
  await infrastructure.stop();
  removeTestData(dataDir);
});

function broker() {
  const { kafka } = infrastructure.parts;
  if (!kafka) throw new Error('no broker of our own');
  return kafka;
}

describe('a lane whose Kafka', () => {
  it('is stopped while nothing happens says so, refuses records meanwhile and goes on when it is back', async () => {
    const lab = await openStageLab({ brokers: infrastructure.env.KAFKA_BROKERS ?? '' });
    const input = lab.topics.planned.high;
    const running = lab.start(createTestStage(lab));
    await lab.sendEvents(input, [chunk('before')]);
    await lab.readEvents(lab.topics.enriched.high, 1);

    await broker().stop();
    const record = { topic: input, key: 'k', event: chunk('meanwhile') };
    await expect(lab.publisher.publish([record])).rejects.toMatchObject({ code: 'kafka_down', dependency: 'kafka' });
    expect(lab.publisher.isUp()).toBe(false);
    await eventually(() => running.waitingFor() === 'kafka', 'the lane says what it waits for');
    expect(running.state()).toBe('paused');

    await broker().start();
    await lab.publisher.publish([{ topic: input, key: 'k', event: chunk('after') }]);
    expect(lab.publisher.isUp()).toBe(true);
    const written = await lab.readEvents(lab.topics.enriched.high, 2);
    expect(new Set(written.map(({ user_id }) => user_id))).toContain('user-after');
    await eventually(() => running.state() === 'running', 'the lane runs');
    expect(lab.fatal).toEqual([]);
  });

  it('is killed in the middle of the work loses no record', async () => {
    const lab = await openStageLab({ brokers: infrastructure.env.KAFKA_BROKERS ?? '' });
    const input = lab.topics.planned.high;
    const ids = Array.from({ length: 3_000 }, (_, index) => `c${index}`);
    const stage = createTestStage(lab);
    await lab.sendEvents(
      input,
      ids.map((id) => chunk(id)),
    );
    lab.start(stage, { limits: { maxPeople: 50 } });
    await eventually(() => stage.slices.length > 10, 'work under way');
    await broker().stop('SIGKILL');
    await broker().start();
    const wanted = new Set(ids.map((id) => `user-${id}`));
    await eventually(
      async () => {
        const written = await lab.readEvents(lab.topics.enriched.high, 1);
        return new Set(written.map(({ user_id }) => user_id)).size === wanted.size;
      },
      'every record is written',
      90_000,
    );
    expect(lab.fatal).toEqual([]);
  });

  it('is down can be stopped at once', async () => {
    const lab = await openStageLab({ brokers: infrastructure.env.KAFKA_BROKERS ?? '' });
    const running = lab.start(createTestStage(lab));
    await eventually(() => running.state() === 'running', 'the lane runs');
    await broker().stop();
    // A call that is under way may have to run out first.
    await eventually(() => running.waitingFor() === 'kafka', 'the lane waits', 150_000);
    const startedAt = performance.now();
    await running.stop();
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    await broker().start();
  });
});
