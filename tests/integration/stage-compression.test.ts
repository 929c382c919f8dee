// A lane reads what any producer has compressed, and goes on behind what cannot be unpacked, on a topic that keeps batches
// as they come (compression.type=producer, Kafka's default).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describe, expect, inject, it } from 'vitest';
import downloads from '../../dev/downloads.json' with { type: 'json' };
import { downloadsDir } from '../support/infrastructure.ts';
import { codecNames, pack, recordOfZeros, sendPacked } from '../support/packed-batches.ts';
import { threadMs } from '../support/processor-time.ts';
import { openStageLab } from '../support/stage-lab.ts';
import { expectCommitted, forwardedTo, readPutAside } from '../support/stage-views.ts';
import { chunk, createTestStage } from '../support/test-stage.ts';

describe.each(codecNames)('a batch that a producer has packed by %s', (codec) => {
  it('is read, between others', async () => {
    const lab = await openStageLab();
    const topic = lab.topics.planned.high;
    const encode = (id: string) => lab.codec.encode(topic, chunk(id));
    lab.start(createTestStage(lab));
    await lab.sendEvents(topic, [chunk('a')]);
    await sendPacked(lab.kafka, topic.name, codec, [encode('b'), encode('c')]);
    await lab.sendEvents(topic, [chunk('d')]);
    expect(await forwardedTo(lab, 4)).toEqual(['user-a', 'user-b', 'user-c', 'user-d']);
    await expectCommitted(lab, 4);
  });

  it('and that unpacks to more than memory should hold is one dead letter, while others are served', async () => {
    const lab = await openStageLab();
    const topic = lab.topics.planned.high;
    // As much as fits into a batch: snappy gains 21 times at most.
    const packed = pack(codec, recordOfZeros(codec.startsWith('snappy') ? 18_000_000 : 200_000_000));
    lab.start(createTestStage(lab));
    await lab.sendEvents(topic, [chunk('a')]);
    await forwardedTo(lab, 1);
    for (let n = 0; n < 3; n++) await sendPacked(lab.kafka, topic.name, codec, [Buffer.from('x')], { packed });
    const beforeMs = threadMs();
    await lab.sendEvents(topic, [chunk('b')]);
    await lab.sendEvents(topic, [chunk('other')], 1);
    expect(await forwardedTo(lab, 3)).toEqual(['user-a', 'user-b', 'user-other']);
    // Of work: how long the others wait for a processor is not ours.
    expect(threadMs() - beforeMs).toBeLessThan(10_000);
    const letters = await readPutAside(lab, 3);
    expect(letters.map(({ cause }) => `${cause?.errorCode} ${cause?.originalOffset}`).sort()).toEqual([
      'batch_unreadable 1',
      'batch_unreadable 2',
      'batch_unreadable 3',
    ]);
    expect(letters[0]?.cause?.errorMessage).toMatch(
      /^the batch with the offsets (\d) to \1 cannot be read: it cannot be unpacked by/,
    );
    await expectCommitted(lab, 5);
    expect(lab.fatal).toEqual([]);
  });
});

describe('a batch of very many small records', () => {
  it('is worked through in slices, and another partition is not held up', async () => {
    const lab = await openStageLab();
    const topic = lab.topics.planned.high;
    lab.start(createTestStage(lab));
    await sendPacked(lab.kafka, topic.name, 'zstd', new Array(5_000).fill(Buffer.alloc(0)));
    await lab.sendEvents(topic, [chunk('other')], 1);
    expect(await forwardedTo(lab, 1)).toEqual(['user-other']);
    await expectCommitted(lab, 5_000);
    expect(lab.fatal).toEqual([]);
  });
});

describe('a line that Java’s console producer has packed', { timeout: 120_000 }, () => {
  it.each(['gzip', 'snappy', 'lz4', 'zstd'])('by %s comes as it was', async (codec) => {
    const lab = await openStageLab();
    const topic = lab.topics.planned.high.name;
    // Words again and again at many distances: what is copied lies far back, overlaps, and crosses blocks.
    const line = Array.from({ length: 40_000 }, (_, n) => `word${(n * n) % 977} `).join('');
    await produceByJava(topic, codec, line);
    lab.start(createTestStage(lab));
    const [letter] = await lab.read(lab.topics.deadLetters.enricher.name, 1);
    expect(String(letter?.headers?.['dlt-error-code'])).toBe('not_avro');
    expect(String(letter?.value) === line).toBe(true);
  });
});

async function produceByJava(topic: string, codec: string, line: string): Promise<void> {
  const java = process.env.JAVA_HOME ? join(process.env.JAVA_HOME, 'bin', 'java') : 'java';
  const child = spawn(java, [
    ...['-Xmx128m', '-cp', join(downloadsDir, downloads.kafka.folder, '*'), 'org.apache.kafka.tools.ConsoleProducer'],
    ...['--bootstrap-server', inject('infrastructure').KAFKA_BROKERS, '--topic', topic, '--compression-codec', codec],
  ]);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (output += part));
  child.stdin.end(`${line}\n`);
  const [code] = await once(child, 'close');
  expect(code, output).toBe(0);
}
