// The stage runtime on a real broker: bugs of ours must not empty a topic into the dead letters.
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { openStageLab } from '../support/stage-lab.ts';
import { codes, expectCommitted, forwardedTo, group, readPutAside } from '../support/stage-views.ts';
import { chunk, createTestStage } from '../support/test-stage.ts';

describe('a bug', () => {
  const bugFor = (isBad: (id: string) => boolean) => ({
    transform({ chunk_id }: { chunk_id: string }) {
      if (isBad(chunk_id)) throw new TypeError(`cannot read ${chunk_id}`);
    },
  });

  it('is put aside once a record succeeds after it, with where its stack is and without the stack', async () => {
    const lab = await openStageLab();
    await lab.sendEvents(lab.topics.planned.high, [chunk('bad', ['1']), chunk('good')]);
    const stage = createTestStage(
      lab,
      bugFor((id) => id === 'bad'),
    );
    const told: string[] = [];
    lab.start({
      ...stage,
      fail(event, error, now) {
        told.push(error.message);
        return stage.fail(event, error, now);
      },
    });
    const [letter] = await readPutAside(lab, 1);
    expect(letter?.cause?.errorCode).toBe('bug');
    const place = `${lab.topics.planned.high.name}/0/0`;
    const message = `bug: cannot read bad (its stack is in the log of the enricher, at ${place})`;
    expect(letter?.cause?.errorMessage).toBe(message);
    expect(await lab.readEvents(lab.topics.outcomes, 1)).toMatchObject([{ user_id: '1', state: 'failed' }]);
    expect(told).toEqual([message]);
    await expectCommitted(lab, 2);
  });

  it('names no file of this machine in what is kept of it', async () => {
    const lab = await openStageLab();
    await lab.sendEvents(lab.topics.planned.high, [chunk('bad', ['1']), chunk('good')]);
    lab.start(
      createTestStage(lab, {
        transform({ chunk_id }) {
          if (chunk_id === 'bad')
            throw new Error(`ENOENT: no such file, open '${import.meta.filename}'\n    at ${import.meta.url}:1:2`);
        },
      }),
    );
    const [letter] = await readPutAside(lab, 1);
    expect(letter?.cause?.errorMessage).toMatch(/^bug: ENOENT: no such file, open '<file>' \(its stack is in the log/);
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

  it('is no longer in a row with the ones before a record that succeeded', async () => {
    const lab = await openStageLab();
    const input = lab.topics.planned.high;
    const bugs = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, at) => chunk(`b${from + at}`));
    await lab.sendEvents(input, [...bugs(1, 9), chunk('good'), ...bugs(10, 18), chunk('good')]);
    lab.start(
      createTestStage(
        lab,
        bugFor((id) => id.startsWith('b')),
      ),
    );
    expect(await readPutAside(lab, 18)).toHaveLength(18);
    await expectCommitted(lab, 20);
    expect(lab.fatal).toEqual([]);
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
