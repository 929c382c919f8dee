// The stage runtime on a real broker: records that can never be handled.
import { describe, expect, it } from 'vitest';
import { PermanentError } from '../../lib/errors.ts';
import { withAdmin } from '../../lib/kafka/topic-admin.ts';
import type { Topic } from '../../lib/topics.ts';
import { eventually } from '../support/eventually.ts';
import { openStageLab, type StageLab } from '../support/stage-lab.ts';
import { codes, expectCommitted, forwardedTo, readPutAside } from '../support/stage-views.ts';
import { chunk, createTestStage } from '../support/test-stage.ts';

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
    // The last bytes are the end of user_ids and no test_address: in place of the first a count of 3·10⁸ items.
    const crafted = Buffer.concat([value.subarray(0, -2), Buffer.from('8088debe02', 'hex')]);
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

describe('a topic that takes less than it should', () => {
  const limitTo = (lab: StageLab, name: string, bytes: number) =>
    withAdmin(lab.kafka, (admin) =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: 2, name, configEntries: [{ name: 'max.message.bytes', value: String(bytes) }] }],
      }),
    );
  const refusedByBroker = async (lab: StageLab, topic: Topic) =>
    lab.publisher.publish([{ topic, key: 'probe', event: enriched }]).then(
      () => false,
      (error) => error.code === 'too_large',
    );

  it('costs only the records that it refuses', async () => {
    const lab = await openStageLab();
    const output = lab.topics.enriched.high;
    await limitTo(lab, output.name, 3_000);
    await eventually(() => refusedByBroker(lab, output), 'the limit holds');
    await lab.sendEvents(lab.topics.planned.high, [chunk('a'), { ...chunk('large'), context: 'x'.repeat(4_000) }]);
    lab.start(createTestStage(lab));
    expect(await lab.readEvents(lab.topics.outcomes, 1)).toMatchObject([
      { user_id: 'user-large', reason: 'too_large' },
    ]);
    expect(await forwardedTo(lab, 1)).toContain('user-a');
    expect(codes(await readPutAside(lab, 1))).toEqual(['too_large']);
    await expectCommitted(lab, 2);
  });

  it('keeps of a dead letter at least where it stood', async () => {
    const lab = await openStageLab();
    const { name } = lab.topics.deadLetters.enricher;
    await limitTo(lab, name, 1_000);
    const refused = () =>
      lab.publisher.publishRaw([{ topic: name, key: null, value: Buffer.alloc(2_000), headers: {} }]);
    await eventually(
      () =>
        refused().then(
          () => false,
          () => true,
        ),
      'the limit holds',
    );
    await lab.send(lab.topics.planned.high.name, [Buffer.alloc(5_000, 'x')]);
    lab.start(createTestStage(lab));
    await expectCommitted(lab, 1);
    const letters = (await readPutAside(lab, 1)).filter(({ cause }) => cause !== undefined);
    expect(codes(letters)).toEqual(['not_avro']);
    expect(letters[0]?.record.value).toBeNull();
    expect(letters[0]?.cause?.originalOffset).toBe('0');
  });
});

const enriched = {
  notification_id: 'n',
  request_id: 'r',
  chunk_id: 'c',
  user_id: 'probe',
  priority: 'high' as const,
  channel: 'email' as const,
  template_id: 't',
  template_version: 1,
  is_promo: false,
  on_no_answer: 'resend' as const,
  address: 'a@example.com',
  first_name: 'A',
  last_name: 'B',
  collected: '{}',
  context: 'x'.repeat(4_000),
  requested_at: 1,
  planned_at: 1,
  enriched_at: 1,
  expires_at: null,
  is_test: false,
};

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
  test: null,
};
