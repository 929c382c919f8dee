// The life of a lane on a real broker: it stops, shares its partitions, is found stuck, waits for the registry; and the
// other shape of stage, the sink.
import { createServer, request as httpRequest, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { DependencyError, PermanentError } from '../../lib/errors.ts';
import type { ChunkPlanned } from '../../lib/events.ts';
import { readDeadLetterCause } from '../../lib/kafka/headers.ts';
import type { Refused, SinkStage, Slice } from '../../lib/kafka/stage.ts';
import { eventually } from '../support/eventually.ts';
import { openStageLab, type StageLab } from '../support/stage-lab.ts';
import { chunk, createTestStage } from '../support/test-stage.ts';

const users = async (lab: StageLab, atLeast: number) =>
  (await lab.readEvents(lab.topics.enriched.high, atLeast)).map(({ user_id }) => user_id).sort();
const many = (count: number, from = 0) => Array.from({ length: count }, (_, index) => chunk(`c${from + index}`));

describe('stopping', () => {
  it('finishes and commits the slice under way, and leaves the rest', async () => {
    const lab = await openStageLab();
    const input = lab.topics.planned.high;
    await lab.sendEvents(input, many(4));
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    const stage = createTestStage(lab, { load: () => held });
    const running = lab.start(stage, { limits: { maxPeople: 2 } });
    await eventually(() => stage.slices.length === 1, 'a slice under way');
    const stopped = running.stop();
    letGo();
    await stopped;
    expect(await users(lab, 2)).toEqual(['user-c0', 'user-c1']);
    expect((await lab.committed(stage.lane.group, input.name))[0]).toBe(2);
    lab.start(createTestStage(lab));
    expect(await users(lab, 4)).toEqual(['user-c0', 'user-c1', 'user-c2', 'user-c3']);
  });

  it('asks long work to end, and does not judge the records by how it ends', async () => {
    const lab = await openStageLab();
    const input = lab.topics.planned.high;
    await lab.sendEvents(input, many(1));
    const stage = createTestStage(lab, {
      load: (_slice, signal) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(new TypeError('torn')))),
    });
    const running = lab.start(stage);
    await eventually(() => stage.slices.length === 1, 'work under way');
    await running.stop();
    expect((await lab.committed(stage.lane.group, input.name))[0]).toBe(0);
    expect(lab.fatal).toEqual([]);
    lab.start(createTestStage(lab));
    expect(await users(lab, 1)).toEqual(['user-c0']);
  });
});

describe('two processes of one stage', () => {
  it('share the partitions, and take them over from one that leaves, without losing a record', async () => {
    const lab = await openStageLab({ partitions: 4 });
    const input = lab.topics.planned.high;
    const slow = { load: () => sleep(20) };
    const [first, second] = [createTestStage(lab, slow), createTestStage(lab, slow)];
    const limits = { maxPeople: 20 };
    const sendTo = async (partitions: number[], count: number, from: number) => {
      for (const partition of partitions) await lab.sendEvents(input, many(count, from + 1000 * partition), partition);
    };
    const one = lab.start(first, { limits });
    await sendTo([0, 1, 2, 3], 400, 0);
    await eventually(() => first.slices.length > 5, 'the first at work');
    const two = lab.start(second, { limits });
    await eventually(() => two.state() === 'running', 'the second has joined');
    await sendTo([0, 1, 2, 3], 200, 10_000);
    await eventually(() => second.slices.length > 5, 'the second at work');
    await one.stop();
    await eventually(
      async () => (await lab.committed(first.lane.group, input.name)).join() === '600,600,600,600',
      'everything is committed',
      60_000,
    );
    const written = await users(lab, 2_400);
    expect(new Set(written).size).toBe(2_400);
    // Only slices that were under way when partitions changed hands may have been done twice.
    expect(written.length).toBeLessThan(2_400 + 4 * 2 * limits.maxPeople);
  });

  it('are not kept waiting by one that waits for an outside part', async () => {
    const lab = await openStageLab();
    const input = lab.topics.planned.high;
    await lab.sendEvents(input, many(1), 0);
    await lab.sendEvents(input, many(1, 1), 1);
    const waiting = createTestStage(lab, {
      load() {
        throw new DependencyError('user-service', 'nobody there');
      },
    });
    lab.start(waiting);
    await eventually(() => waiting.slices.length >= 4, 'the first waits');
    const healthy = createTestStage(lab);
    lab.start(healthy);
    await eventually(() => healthy.slices.length > 0, 'the second has a partition', 15_000);
  });
});

describe('a lane that is stuck', () => {
  it('is found when it has records to read and moves none of them', async () => {
    const lab = await openStageLab();
    await lab.sendEvents(lab.topics.planned.high, many(3));
    const stage = createTestStage(lab, {
      load: (_slice, signal) => new Promise((resolve) => signal.addEventListener('abort', resolve)),
    });
    const running = lab.start(stage, { limits: { watchEveryMs: 200, stuckAfterMs: 2_000 } });
    await eventually(() => lab.fatal.length > 0, 'it is found');
    expect(lab.fatal[0]).toMatchObject({
      code: 'lane_stuck',
      message: expect.stringMatching(/not moved with 3 records/),
    });
    expect(running.state()).toBe('stopped');
    await running.stop();
  });

  it('is found when what waits for an outside part is not tried again', async () => {
    const lab = await openStageLab();
    await lab.sendEvents(lab.topics.planned.high, many(1));
    let tries = 0;
    const stage = createTestStage(lab, {
      load(_slice, signal) {
        tries += 1;
        if (tries === 1) throw new DependencyError('user-service', 'nobody there');
        return new Promise((resolve) => signal.addEventListener('abort', resolve));
      },
    });
    const running = lab.start(stage, { limits: { watchEveryMs: 100, stuckAfterMs: 300 } });
    await eventually(() => lab.fatal.length > 0, 'it is found');
    expect(lab.fatal[0]).toMatchObject({
      code: 'lane_stuck',
      message: expect.stringMatching(/waits for user-service/),
    });
    await running.stop();
  });

  it('is not seen in one that waits for an outside part, nor in one that has nothing to do', async () => {
    const lab = await openStageLab();
    await lab.sendEvents(lab.topics.planned.high, many(1));
    let tries = 0;
    // Longer than a busy machine keeps us from a processor, and less than the tries take together.
    const limits = { watchEveryMs: 100, stuckAfterMs: 3_000 };
    const waiting = createTestStage(lab, {
      load() {
        tries += 1;
        if (tries < 6) throw new DependencyError('user-service', 'nobody there');
      },
    });
    lab.start(waiting, { limits });
    lab.start(createTestStage(lab, { lane: 'low' }), { limits });
    expect(await users(lab, 1)).toEqual(['user-c0']);
    expect(lab.fatal).toEqual([]);
  });
});

describe('the registry', () => {
  it('being down pauses a lane that meets a new schema, and nothing is judged meanwhile', async () => {
    const proxy = await startProxy(inject('infrastructure').SCHEMA_REGISTRY_URL);
    const lab = await openStageLab({ registryUrl: proxy.url });
    const input = lab.topics.planned.high;
    proxy.answer = 503;
    await lab.sendEvents(input, many(1));
    const running = lab.start(createTestStage(lab));
    await eventually(() => running.waitingFor() === 'registry', 'the lane waits');
    expect((await lab.committed(input.name.replace('planned', 'enricher'), input.name))[0]).toBe(0);
    proxy.answer = undefined;
    expect(await users(lab, 1)).toEqual(['user-c0']);
    expect(running.state()).toBe('running');
  });
});

describe('a sink', () => {
  const sink = (lab: StageLab, handle: SinkStage<'ChunkPlanned'>['handle']): SinkStage<'ChunkPlanned'> => {
    const { kind: _kind, load: _load, transform: _transform, slices: _slices, ...rest } = createTestStage(lab);
    return { ...rest, kind: 'sink', handle };
  };

  it('has its slice committed when it returns, and what it refuses is put aside', async () => {
    const lab = await openStageLab();
    const input = lab.topics.planned.high;
    await lab.sendEvents(input, many(3));
    const handled: string[] = [];
    const stage = sink(lab, async ({ incoming, heartbeat }: Slice<ChunkPlanned>) => {
      await heartbeat();
      handled.push(...incoming.map(({ event }) => event.chunk_id));
      const refused: Refused<ChunkPlanned>[] = incoming
        .filter(({ event }) => event.chunk_id === 'c1')
        .map((one) => ({ incoming: one, error: new PermanentError('bad_address', 'no') }));
      return { refused };
    });
    lab.start(stage);
    await eventually(async () => (await lab.committed(stage.lane.group, input.name))[0] === 3, 'a commit');
    expect(handled.slice(0, 3)).toEqual(['c0', 'c1', 'c2']);
    const [letter] = await lab.read(lab.topics.deadLetters.enricher.name, 1);
    expect(readDeadLetterCause(letter?.headers)).toMatchObject({ errorCode: 'bad_address', originalOffset: '1' });
    // A group that rebalances meanwhile has the slice again: whoever reads outcomes takes the same one as one.
    const outcomes = await lab.readEvents(lab.topics.outcomes, 1);
    expect(new Set(outcomes.map(({ user_id, state }) => `${user_id} ${state}`))).toEqual(new Set(['user-c1 failed']));
  });

  it('that throws for a slice is given its records one by one', async () => {
    const lab = await openStageLab();
    const input = lab.topics.planned.high;
    await lab.sendEvents(input, many(3));
    const slices: string[][] = [];
    const stage = sink(lab, async ({ incoming }) => {
      slices.push(incoming.map(({ event }) => event.chunk_id));
      if (incoming.some(({ event }) => event.chunk_id === 'c1')) throw new PermanentError('bad_one', 'no');
      return { refused: [] };
    });
    lab.start(stage);
    await eventually(async () => (await lab.committed(stage.lane.group, input.name))[0] === 3, 'a commit');
    expect(slices).toEqual([['c0', 'c1', 'c2'], ['c0'], ['c1'], ['c2']]);
  });
});

/** A door to the registry that can be shut. */
async function startProxy(target: string): Promise<{ url: string; answer: number | undefined }> {
  const { origin, pathname } = new URL(target);
  const state = { url: '', answer: undefined as number | undefined };
  const server: Server = createServer((incoming, outgoing) => {
    if (state.answer !== undefined) return void outgoing.writeHead(state.answer).end('{"message":"shut"}');
    const { host: _host, ...headers } = incoming.headers;
    const onward = httpRequest(`${origin}${incoming.url}`, { method: incoming.method ?? 'GET', headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    incoming.pipe(onward);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${pathname}`;
  return state;
}
