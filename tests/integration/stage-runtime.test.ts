// The stage runtime on a real broker and registry: design.md section 3, the table of what happens, row by row.
import { describe, expect, it } from 'vitest';
import { DependencyError, PermanentError, TransientError } from '../../lib/errors.ts';
import { readDeadLetterCause } from '../../lib/kafka/headers.ts';
import { eventually } from '../support/eventually.ts';
import { chunk, createTestStage, openStageLab, type StageLab } from '../support/stage-lab.ts';

const group = (lab: StageLab) => lab.topics.lanes.enricher[0]?.group ?? '';

async function expectCommitted(lab: StageLab, offset: number, partition = 0): Promise<void> {
  const committed = async () => (await lab.committed(group(lab), lab.topics.planned.high.name))[partition];
  await eventually(async () => (await committed()) === offset, `a commit at ${offset}`);
}

async function readPutAside(lab: StageLab, atLeast: number) {
  const records = await lab.read(lab.topics.deadLetters.enricher.name, atLeast);
  return records.map((record) => ({ record, cause: readDeadLetterCause(record.headers) }));
}

const codes = (letters: Awaited<ReturnType<typeof readPutAside>>) => letters.map(({ cause }) => cause?.errorCode);
const forwardedTo = async (lab: StageLab, atLeast: number) =>
  (await lab.readEvents(lab.topics.enriched.high, atLeast)).map(({ user_id }) => user_id).sort();

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

describe('bytes that are no event', () => {
  it('go to the dead letters with their cause, and the next record is handled at once', async () => {
    const lab = await openStageLab();
    const input = lab.topics.planned.high;
    const good = lab.codec.encode(input, chunk('good'));
    const framed = (id: number, rest: string) => {
      const head = Buffer.from([0, 0, 0, 0, 0]);
      head.writeUInt32BE(id, 1);
      return Buffer.concat([head, Buffer.from(rest, 'hex')]);
    };
    const id = good.readUInt32BE(1);
    const requestId = lab.codec.encode(lab.topics.requests, request).readUInt32BE(1);
    await lab.send(input.name, [
      Buffer.from('{"not":"avro"}'),
      framed(2_000_000_000, '00'),
      framed(requestId, '00'),
      good.subarray(0, 30),
      framed(id, '02'.repeat(3)),
      Buffer.alloc(0),
      Buffer.concat([good, Buffer.from([1])]),
      good,
    ]);
    lab.start(createTestStage(lab));
    expect(await forwardedTo(lab, 1)).toEqual(['user-good']);
    await expectCommitted(lab, 8);
    const letters = await readPutAside(lab, 7);
    expect(codes(letters)).toEqual([
      'not_avro',
      'schema_unknown',
      'schema_not_of_subject',
      'not_avro',
      'not_avro',
      'empty',
      'not_avro',
    ]);
    expect(letters[0]?.record.value?.toString()).toBe('{"not":"avro"}');
    expect(letters[3]?.cause).toMatchObject({
      originalTopic: input.name,
      originalPartition: 0,
      originalOffset: '3',
      stage: 'enricher',
    });
  });

  it('cannot end the process with a crafted count', async () => {
    const lab = await openStageLab();
    const input = lab.topics.planned.high;
    const value = lab.codec.encode(input, chunk('a', []));
    // The last byte is the end of user_ids: in its place a count of 3·10⁸ items.
    const crafted = Buffer.concat([value.subarray(0, -1), Buffer.from('8088debe02', 'hex')]);
    await lab.send(input.name, [crafted, lab.codec.encode(input, chunk('good'))]);
    lab.start(createTestStage(lab));
    expect(await forwardedTo(lab, 1)).toEqual(['user-good']);
    expect(codes(await readPutAside(lab, 1))).toEqual(['bounds']);
  });

  it('are passed over and counted when there is no value at all', async () => {
    const lab = await openStageLab();
    const input = lab.topics.planned.high;
    await lab.send(input.name, [null, lab.codec.encode(input, chunk('good'))]);
    lab.start(createTestStage(lab));
    expect(await forwardedTo(lab, 1)).toEqual(['user-good']);
    await expectCommitted(lab, 2);
    expect(await lab.metrics.metrics()).toMatch(/posthorn_records_without_value_total\{[^}]*\} 1/);
  });
});

describe('a PermanentError', () => {
  it('puts the record aside as it came, and everybody in it ends as failed', async () => {
    const lab = await openStageLab();
    const input = lab.topics.planned.high;
    const value = lab.codec.encode(input, chunk('bad', ['1', '2']));
    await lab.send(input.name, [value], { headers: { 'x-mine': 'kept' } });
    await lab.sendEvents(input, [chunk('good')]);
    lab.start(
      createTestStage(lab, {
        transform({ chunk_id }) {
          if (chunk_id === 'bad') throw new PermanentError('chunk_refused', 'this chunk cannot be');
        },
      }),
    );
    const outcomes = await lab.readEvents(lab.topics.outcomes, 2);
    expect(outcomes.map(({ user_id, state, reason }) => [user_id, state, reason])).toEqual(
      expect.arrayContaining([
        ['1', 'failed', 'dead_lettered'],
        ['2', 'failed', 'dead_lettered'],
      ]),
    );
    const [letter] = await readPutAside(lab, 1);
    expect(letter?.record.value?.equals(value)).toBe(true);
    expect(letter?.record.key?.toString()).toBe('k');
    expect(letter?.record.headers?.['x-mine']?.toString()).toBe('kept');
    expect(letter?.cause).toMatchObject({ errorCode: 'chunk_refused', errorMessage: 'this chunk cannot be' });
    expect(await forwardedTo(lab, 1)).toEqual(['user-good']);
    await expectCommitted(lab, 2);
  });

  it('of a whole slice fails only the guilty record', async () => {
    const lab = await openStageLab();
    await lab.sendEvents(
      lab.topics.planned.high,
      ['a', 'bad', 'c'].map((id) => chunk(id)),
    );
    const stage = createTestStage(lab, {
      load(slice) {
        if (slice.some(({ event }) => event.chunk_id === 'bad')) throw new PermanentError('refused', 'no');
      },
    });
    lab.start(stage);
    expect(await forwardedTo(lab, 2)).toEqual(['user-a', 'user-c']);
    expect(codes(await readPutAside(lab, 1))).toEqual(['refused']);
    await expectCommitted(lab, 3);
    expect(stage.slices).toEqual([['a', 'bad', 'c'], ['a'], ['bad'], ['c']]);
  });

  it('is what a result becomes that is too large for Kafka', async () => {
    const lab = await openStageLab();
    await lab.sendEvents(lab.topics.planned.high, [chunk('a'), { ...chunk('large'), context: 'x'.repeat(950_000) }]);
    lab.start(createTestStage(lab));
    const [outcome] = await lab.readEvents(lab.topics.outcomes, 1);
    expect(outcome).toMatchObject({ user_id: 'user-large', reason: 'too_large' });
    expect(await forwardedTo(lab, 1)).toEqual(['user-a']);
    expect(codes(await readPutAside(lab, 1))).toEqual(['too_large']);
    await expectCommitted(lab, 2);
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
    await expectCommitted(lab, -1);
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
    const startedAt = performance.now();
    await running.stop();
    expect(performance.now() - startedAt).toBeLessThan(1_500);
    await expectCommitted(lab, -1);
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
        expect((await lab.committed(group(lab), lab.topics.planned.high.name))[0]).toBe(-1);
        await lab.publisher.publishRaw(records);
      },
    };
    lab.start(stage, { publisher });
    expect(await forwardedTo(lab, 1)).toEqual(['user-a']);
    await expectCommitted(lab, 1);
    expect(stage.slices).toEqual([['a']]);
  });
});

describe('a bug', () => {
  const bugFor = (isBad: (id: string) => boolean) => ({
    transform({ chunk_id }: { chunk_id: string }) {
      if (isBad(chunk_id)) throw new TypeError(`cannot read ${chunk_id}`);
    },
  });

  it('is put aside with its stack once a record succeeds after it', async () => {
    const lab = await openStageLab();
    await lab.sendEvents(lab.topics.planned.high, [chunk('bad', ['1']), chunk('good')]);
    lab.start(
      createTestStage(
        lab,
        bugFor((id) => id === 'bad'),
      ),
    );
    const [letter] = await readPutAside(lab, 1);
    expect(letter?.cause?.errorCode).toBe('bug');
    expect(letter?.cause?.errorMessage).toContain('TypeError: cannot read bad\n    at ');
    expect(await lab.readEvents(lab.topics.outcomes, 1)).toMatchObject([{ user_id: '1', state: 'failed' }]);
    await expectCommitted(lab, 2);
  });

  it('is held back, uncommitted, while nothing succeeds, also when other partitions go on', async () => {
    const lab = await openStageLab();
    await lab.sendEvents(lab.topics.planned.high, [chunk('good'), chunk('bad')]);
    lab.start(
      createTestStage(
        lab,
        bugFor((id) => id === 'bad'),
      ),
      { limits: { quietMs: 60_000 } },
    );
    await expectCommitted(lab, 1);
    await lab.send(lab.topics.planned.high.name, [null, Buffer.from('rubbish')], { partition: 1 });
    await expectCommitted(lab, 2, 1);
    await expectCommitted(lab, 1);
    expect(codes(await readPutAside(lab, 1))).toEqual(['not_avro']);
    await lab.sendEvents(lab.topics.planned.high, [chunk('good')], 1);
    await expectCommitted(lab, 2);
    expect(codes(await readPutAside(lab, 2)).sort()).toEqual(['bug', 'not_avro']);
  });

  it('is put aside when nothing more comes', async () => {
    const lab = await openStageLab();
    await lab.sendEvents(lab.topics.planned.high, [chunk('bad')]);
    lab.start(
      createTestStage(
        lab,
        bugFor(() => true),
      ),
      { limits: { quietMs: 100 } },
    );
    expect(codes(await readPutAside(lab, 1))).toEqual(['bug']);
    await expectCommitted(lab, 1);
  });

  it('for the tenth time in a row ends the lane, with none of the ten put aside or committed', async () => {
    const lab = await openStageLab();
    const input = lab.topics.planned.high;
    const bugs = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => chunk(`b${from + at}`));
    await lab.sendEvents(input, [chunk('good'), ...bugs(1, 7)]);
    const stage = createTestStage(
      lab,
      bugFor((id) => id.startsWith('b')),
    );
    const running = lab.start(stage, { limits: { quietMs: 60_000 } });
    await expectCommitted(lab, 1);
    await lab.sendEvents(input, bugs(8, 9), 1);
    await eventually(() => stage.slices.flat().includes('b9'), 'nine bugs in a row');
    expect(lab.fatal).toEqual([]);
    await lab.sendEvents(input, bugs(10, 12), 1);
    await eventually(() => lab.fatal.length > 0, 'the end of the lane');
    expect(lab.fatal[0]?.message).toContain('10 records in a row met a bug, the last one: cannot read b');
    expect(lab.fatal[0]?.cause).toBeInstanceOf(TypeError);
    expect(running.state()).toBe('stopped');
    await running.stop();
    const committed = await lab.committed(group(lab), input.name);
    expect(committed).toEqual([1, 0]);
    expect(await lab.metrics.metrics()).not.toMatch(/posthorn_records_dead_lettered_total\{/);
    expect(lab.fatal).toHaveLength(1);
  });

  it('in load is found record by record', async () => {
    const lab = await openStageLab();
    await lab.sendEvents(
      lab.topics.planned.high,
      ['a', 'bad', 'c'].map((id) => chunk(id)),
    );
    const load = (slice: readonly { event: { chunk_id: string } }[]) => {
      if (slice.some(({ event }) => event.chunk_id === 'bad')) throw new RangeError('off by one');
    };
    lab.start(createTestStage(lab, { load }));
    expect(await forwardedTo(lab, 2)).toEqual(['user-a', 'user-c']);
    expect(codes(await readPutAside(lab, 1))).toEqual(['bug']);
    await expectCommitted(lab, 3);
  });
});

const request = {
  request_id: 'r',
  template_id: 't',
  priority: 'high' as const,
  is_promo: false,
  user_ids: ['u'],
  user_categories: [],
  context: '{}',
  requested_at: 1,
  scheduled_at: null,
  expires_at: null,
};
