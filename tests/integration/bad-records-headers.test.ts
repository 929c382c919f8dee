// Headers that no honest producer sends: a stage puts the record aside or works on it, and goes on.
import { describe, expect, it } from 'vitest';
import type { IHeaders } from '../../lib/kafka/client.ts';
import { readDeadLetterCause } from '../../lib/kafka/headers.ts';
import { withAdmin } from '../../lib/kafka/topic-admin.ts';
import { forgedHeaders } from '../faults/poison/broken-bytes.ts';
import { eventually } from '../support/eventually.ts';
import { threadMs } from '../support/processor-time.ts';
import { openStageLab, type StageLab } from '../support/stage-lab.ts';
import { codes, expectCommitted, forwardedTo, readPutAside } from '../support/stage-views.ts';
import { chunk, createTestStage } from '../support/test-stage.ts';

const rubbish = Buffer.from('no avro');
const many = (count: number): IHeaders => Object.fromEntries(Array.from({ length: count }, (_, at) => [`h${at}`, 'x']));

async function sendWith(headers: IHeaders, value = rubbish): Promise<StageLab> {
  const lab = await openStageLab();
  const input = lab.topics.planned.high;
  await lab.send(input.name, [value], { headers });
  await lab.sendEvents(input, [chunk('good')]);
  return lab;
}

describe('a record with hostile headers', () => {
  it('by the hundred thousand is put aside with seconds of work, with all of them', async () => {
    const lab = await sendWith(many(100_000));
    lab.start(createTestStage(lab));
    const beforeMs = threadMs();
    expect(await forwardedTo(lab, 1)).toEqual(['user-good']);
    expect(threadMs() - beforeMs).toBeLessThan(20_000);
    const [letter] = await readPutAside(lab, 1);
    expect(letter?.cause?.errorCode).toBe('not_avro');
    expect(Object.keys(letter?.record.headers ?? {}).length).toBeGreaterThan(100_000);
    await expectCommitted(lab, 2);
  });

  it('that repeat, that are binary, empty or named after what every object has, keeps them as they were', async () => {
    const binary = Buffer.from([0, 255, 254, 128, 10, 13]);
    const headers: IHeaders = { repeated: ['a', 'b', 'c'], binary, empty: '', constructor: 'x' };
    Object.defineProperty(headers, '__proto__', { value: 'polluted', enumerable: true });
    const lab = await sendWith(headers);
    lab.start(createTestStage(lab));
    expect(await forwardedTo(lab, 1)).toEqual(['user-good']);
    const [letter] = await readPutAside(lab, 1);
    const kept = letter?.record.headers ?? {};
    expect([kept.repeated].flat().map(String)).toEqual(['a', 'b', 'c']);
    expect(kept.binary).toEqual(binary);
    expect(String(kept.empty)).toBe('');
    expect(String(kept.constructor)).toBe('x');
    expect(String(Object.getOwnPropertyDescriptor(kept, '__proto__')?.value)).toBe('polluted');
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  it('that pretend to be a dead letter tells only of what really happened', async () => {
    const lab = await sendWith(forgedHeaders());
    lab.start(createTestStage(lab));
    const [letter] = await readPutAside(lab, 1);
    expect(letter?.cause).toMatchObject({
      originalTopic: lab.topics.planned.high.name,
      originalPartition: 0,
      originalOffset: '0',
      errorCode: 'not_avro',
      stage: 'enricher',
    });
    expect(letter?.cause?.at).toBeGreaterThan(Date.now() - 60_000);
    for (const value of Object.values(letter?.record.headers ?? {})) expect(Array.isArray(value)).toBe(false);
  });

  it('that are not in any encoding is worked on as if it had none', async () => {
    const lab = await openStageLab();
    const input = lab.topics.planned.high;
    const headers = { traceparent: Buffer.from([0xc3, 0x28]), attempt: Buffer.from('\uD800', 'utf16le'), redrive: '' };
    await lab.send(input.name, [lab.codec.encode(input, chunk('a'))], { headers });
    lab.start(createTestStage(lab));
    const [written] = await lab.read(lab.topics.enriched.high.name, 1);
    expect(written?.headers?.traceparent).toBeUndefined();
  });

  it('without values can be written again: they are empty then', async () => {
    const lab = await openStageLab();
    const { name } = lab.topics.deadLetters.enricher;
    const headers = { none: null, list: ['a', null] } as unknown as IHeaders;
    await lab.publisher.publishRaw([{ topic: name, key: null, value: rubbish, headers }]);
    const [written] = await lab.read(name, 1);
    expect(String(written?.headers?.none)).toBe('');
    expect([written?.headers?.list].flat().map(String)).toEqual(['a', '']);
  });
});

describe('a dead letter', () => {
  it('of a record of 1 MB with 300 kB of headers is kept whole', async () => {
    const value = Buffer.alloc(730_000, 7);
    const lab = await sendWith({ large: Buffer.alloc(300_000, 'h') }, value);
    lab.start(createTestStage(lab));
    const [letter] = await readPutAside(lab, 1);
    expect(letter?.record.value?.equals(value)).toBe(true);
    expect(letter?.record.headers?.large?.length).toBe(300_000);
    await expectCommitted(lab, 2);
  });

  it('of a topic that takes less than its headers tells at least where the record stands', async () => {
    const lab = await openStageLab();
    const { name } = lab.topics.deadLetters.enricher;
    await withAdmin(lab.kafka, (admin) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: 2, name, configEntries: [{ name: 'max.message.bytes', value: '2000' }] }],
      }),
    );
    const probe = () => lab.publisher.publishRaw([{ topic: name, key: null, value: Buffer.alloc(4_000), headers: {} }]);
    await eventually(
      () =>
        probe().then(
          () => false,
          () => true,
        ),
      'the limit holds',
    );
    const input = lab.topics.planned.high;
    await lab.send(input.name, [rubbish], { headers: { large: Buffer.alloc(300_000, 'h') } });
    await lab.sendEvents(input, [chunk('good')]);
    lab.start(createTestStage(lab));
    // A dead letter that was too large is tried again with its slice: the other record may go on twice.
    expect(new Set(await forwardedTo(lab, 1))).toEqual(new Set(['user-good']));
    const letters = (await readPutAside(lab, 1)).filter(({ record }) => readDeadLetterCause(record.headers));
    expect(codes(letters)).toEqual(['not_avro']);
    expect(letters[0]?.record.value).toBeNull();
    expect(letters[0]?.record.headers?.large).toBeUndefined();
    expect(letters[0]?.cause).toMatchObject({ originalTopic: input.name, originalOffset: '0' });
  });
});
