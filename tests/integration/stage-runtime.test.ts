// The stage runtime on a real broker: what goes well, and what only needs another try.
import { describe, expect, it } from 'vitest';
import { DependencyError, TransientError } from '../../lib/errors.ts';
import { eventually } from '../support/eventually.ts';
import { openStageLab } from '../support/stage-lab.ts';
import { codes, expectCommitted, forwardedTo, group, readPutAside } from '../support/stage-views.ts';
import { chunk, createTestStage } from '../support/test-stage.ts';

describe('a record that can be handled', () => {
  it('is handled, written and then committed', async () => {
    const lab = await openStageLab();
    const running = lab.start(createTestStage(lab));
    await lab.sendEvents(lab.topics.planned.high, [chunk('a', ['1', '2']), chunk('b')]);
    expect(await forwardedTo(lab, 3)).toEqual(['1', '2', 'user-b']);
    await expectCommitted(lab, 2);
    expect(running.state()).toBe('running');
    await running.stop();
    expect(running.state()).toBe('stopped');
  });

  it('hands its trace context on', async () => {
    const lab = await openStageLab();
    lab.start(createTestStage(lab));
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    const value = lab.codec.encode(lab.topics.planned.high, chunk('a'));
    await lab.send(lab.topics.planned.high.name, [value], { headers: { traceparent } });
    const [written] = await lab.read(lab.topics.enriched.high.name, 1);
    expect(written?.headers?.traceparent?.toString()).toBe(traceparent);
  });

  it('shares a slice with others up to 500 people', async () => {
    const lab = await openStageLab();
    const stage = createTestStage(lab);
    const people = (count: number) => Array.from({ length: count }, (_, index) => `u${index}`);
    await lab.sendEvents(lab.topics.planned.high, [
      chunk('a', people(200)),
      chunk('b', people(300)),
      chunk('c', people(1)),
      chunk('d', people(700)),
    ]);
    lab.start(stage);
    await expectCommitted(lab, 4);
    expect(stage.slices).toEqual([['a', 'b'], ['c'], ['d']]);
  });
});

describe('a TransientError', () => {
  it('is tried again in place', async () => {
    const lab = await openStageLab();
    await lab.sendEvents(lab.topics.planned.high, [chunk('a'), chunk('b')]);
    let failuresLeft = 2;
    const stage = createTestStage(lab, {
      load() {
        if (failuresLeft-- > 0) throw new TransientError('hiccup', 'in a moment');
      },
    });
    lab.start(stage, { limits: { firstDelayMs: 5 } });
    expect(await forwardedTo(lab, 2)).toEqual(['user-a', 'user-b']);
    expect(stage.slices).toEqual([
      ['a', 'b'],
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  it('becomes permanent for the record that keeps having it, and for no other', async () => {
    const lab = await openStageLab();
    await lab.sendEvents(
      lab.topics.planned.high,
      ['a', 'bad', 'c'].map((id) => chunk(id)),
    );
    const stage = createTestStage(lab, {
      transform({ chunk_id }) {
        if (chunk_id === 'bad') throw new TransientError('hiccup', 'for ever');
      },
    });
    lab.start(stage, { limits: { firstDelayMs: 5 } });
    expect(codes(await readPutAside(lab, 1))).toEqual(['hiccup']);
    expect(await forwardedTo(lab, 2)).toEqual(['user-a', 'user-c']);
    await expectCommitted(lab, 3);
    expect(stage.slices).toEqual([['a', 'bad', 'c'], ['bad'], ['bad']]);
  });
});

describe('an outside part that is down', () => {
  it('pauses the lane, which says so, and goes on by itself', async () => {
    const lab = await openStageLab();
    await lab.sendEvents(lab.topics.planned.high, [chunk('a'), chunk('b')]);
    let down = true;
    const stage = createTestStage(lab, {
      load() {
        if (down) throw new DependencyError('user-service', 'nobody there');
      },
    });
    const running = lab.start(stage);
    await eventually(() => stage.slices.length >= 3, 'a third try');
    expect(running.state()).toBe('paused');
    expect(running.waitingFor()).toBe('user-service');
    await expectCommitted(lab, 0);
    down = false;
    expect(await forwardedTo(lab, 2)).toEqual(['user-a', 'user-b']);
    await expectCommitted(lab, 2);
    expect(running.state()).toBe('running');
    expect(running.waitingFor()).toBeUndefined();
    expect(await lab.metrics.metrics()).not.toMatch(/posthorn_records_dead_lettered_total\{/);
  });

  it('does not keep the lane from stopping at once', async () => {
    const lab = await openStageLab();
    await lab.sendEvents(lab.topics.planned.high, [chunk('a')]);
    const stage = createTestStage(lab, {
      load() {
        throw new DependencyError('postgres', 'nobody there');
      },
    });
    const running = lab.start(stage);
    await eventually(() => stage.slices.length >= 4, 'a wait of more than a second');
    const timeStop = async ({ stop }: { stop(): Promise<unknown> }) => {
      const startedAt = performance.now();
      await stop();
      return performance.now() - startedAt;
    };
    const waitingMs = await timeStop(running);
    const calm = await openStageLab();
    const calmLane = calm.start(createTestStage(calm));
    await eventually(() => calmLane.state() === 'running', 'the lane runs');
    // A wait that is sat through takes seconds more.
    expect(waitingMs).toBeLessThan(1_000 + 3 * (await timeStop(calmLane)));
    await expectCommitted(lab, 0);
  });

  it('when it is Kafka that takes no records, keeps the slice uncommitted and works it out once', async () => {
    const lab = await openStageLab();
    await lab.sendEvents(lab.topics.planned.high, [chunk('a')]);
    let refusalCount = 0;
    const stage = createTestStage(lab);
    const publisher = {
      ...lab.publisher,
      async publishRaw(records: Parameters<typeof lab.publisher.publishRaw>[0]) {
        if (refusalCount < 2) {
          refusalCount += 1;
          throw new DependencyError('kafka', 'not now');
        }
        expect((await lab.committed(group(lab), lab.topics.planned.high.name))[0]).toBe(0);
        await lab.publisher.publishRaw(records);
      },
    };
    lab.start(stage, { publisher });
    expect(await forwardedTo(lab, 1)).toEqual(['user-a']);
    await expectCommitted(lab, 1);
    expect(stage.slices).toEqual([['a']]);
  });
});
