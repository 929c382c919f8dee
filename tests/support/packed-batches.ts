// Batches of records as producers in other languages send them: compressed by each of Kafka's codecs, honest or not.
import { crc32, gzipSync, zstdCompressSync } from 'node:zlib';
import kafkajs, { type Kafka } from 'kafkajs';

export type CodecName = 'gzip' | 'snappy' | 'snappy-java' | 'lz4' | 'zstd';
export const codecNames: readonly CodecName[] = ['gzip', 'snappy', 'snappy-java', 'lz4', 'zstd'];
const numbers: Record<CodecName, number> = { gzip: 1, snappy: 2, 'snappy-java': 2, lz4: 3, zstd: 4 };

export function pack(codec: CodecName, bytes: Buffer): Buffer {
  switch (codec) {
    case 'gzip':
      return gzipSync(bytes);
    case 'zstd':
      return zstdCompressSync(bytes);
    case 'snappy':
      return toSnappy(bytes);
    case 'snappy-java':
      return toJavaSnappy(bytes);
    case 'lz4':
      return toLz4(bytes);
  }
}

/** The records of one batch: one record whose value is so many zeros. */
export function recordOfZeros(count: number): Buffer {
  const head = Buffer.concat([Buffer.from([0, 0, 0, 1]), varint(count)]);
  return Buffer.concat([varint(head.length + count + 1), head, Buffer.alloc(count), Buffer.from([0])]);
}

/**
 * Sends one batch. @param packed what stands in it compressed; left out, the values are what is packed
 */
export async function sendPacked(
  kafka: Kafka,
  topic: string,
  codec: CodecName,
  values: readonly Buffer[],
  { partition = 0, packed }: { partition?: number; packed?: Buffer } = {},
): Promise<void> {
  const { CompressionCodecs } = kafkajs;
  const number = numbers[codec];
  const before = CompressionCodecs[number as 1];
  CompressionCodecs[number as 1] = () => ({
    compress: async ({ buffer }: { buffer: Buffer }) => packed ?? pack(codec, buffer),
    decompress: async () => Buffer.alloc(0),
  });
  const producer = kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 0 } });
  try {
    await producer.connect();
    await producer.send({
      topic,
      compression: number,
      messages: values.map((value) => ({ key: 'k', value, partition })),
    });
  } finally {
    CompressionCodecs[number as 1] = before;
    await producer.disconnect();
  }
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value * 2;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}

/** Rows of equal bytes as copies of distance 1, everything else as literals. */
function toSnappy(bytes: Buffer): Buffer {
  const head: number[] = [];
  let length = bytes.length;
  for (; length >= 0x80; length = Math.floor(length / 0x80)) head.push((length % 0x80) | 0x80);
  head.push(length);
  const parts: Buffer[] = [Buffer.from(head)];
  for (const { begin, end, isRow } of toRows(bytes)) {
    let at = begin;
    if (isRow) {
      parts.push(Buffer.from([0, bytes[begin] ?? 0]));
      at += 1;
      for (; end - at >= 4; at += Math.min(64, end - at)) {
        const count = Math.min(64, end - at);
        parts.push(Buffer.from([((count - 1) << 2) | 2, 1, 0]));
      }
    }
    for (; at < end; at += 0x10000) {
      const literal = bytes.subarray(at, Math.min(end, at + 0x10000));
      const size = Buffer.alloc(3, 61 << 2);
      size.writeUInt16LE(literal.length - 1, 1);
      parts.push(size, literal);
    }
  }
  return Buffer.concat(parts);
}

function toJavaSnappy(bytes: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from('82534e41505059000000000100000001', 'hex')];
  for (let at = 0; at < bytes.length; at += 32 * 1024) {
    const block = toSnappy(bytes.subarray(at, at + 32 * 1024));
    const size = Buffer.alloc(4);
    size.writeInt32BE(block.length);
    parts.push(size, block);
  }
  return Buffer.concat(parts);
}

/** Blocks of at most 4 MB; what stands behind the magic is version and size of blocks, with their known checksum. */
function toLz4(bytes: Buffer): Buffer {
  const parts: Buffer[] = [Buffer.from('04224d18607073', 'hex')];
  const blockBytes = 4 * 1024 * 1024;
  for (let at = 0; at < bytes.length; at += blockBytes) {
    const block = toLz4Block(bytes.subarray(at, at + blockBytes));
    const size = Buffer.alloc(4);
    size.writeUInt32LE(block.length);
    parts.push(size, block);
  }
  return Buffer.concat([...parts, Buffer.alloc(4)]);
}

function toLz4Block(bytes: Buffer): Buffer {
  const parts: Buffer[] = [];
  let literalsFrom = 0;
  for (const { begin, end, isRow } of toRows(bytes)) {
    // The format wants the last five bytes as literals, and no match in the last twelve.
    const matchEnd = Math.min(end, bytes.length - 12);
    if (!isRow || matchEnd - begin < 20) continue;
    parts.push(toLz4Sequence(bytes.subarray(literalsFrom, begin + 1), matchEnd - begin - 1));
    literalsFrom = matchEnd;
  }
  parts.push(toLz4Sequence(bytes.subarray(literalsFrom), undefined));
  return Buffer.concat(parts);
}

function toLz4Sequence(literals: Buffer, match: number | undefined): Buffer {
  const first = (length: number) => Math.min(15, length);
  const more = (length: number) =>
    length < 15
      ? Buffer.alloc(0)
      : Buffer.from([...new Array(Math.floor((length - 15) / 255)).fill(255), (length - 15) % 255]);
  const matchLength = match === undefined ? 0 : match - 4;
  const token = Buffer.from([(first(literals.length) << 4) | (match === undefined ? 0 : first(matchLength))]);
  const head = Buffer.concat([token, more(literals.length), literals]);
  return match === undefined ? head : Buffer.concat([head, Buffer.from([1, 0]), more(matchLength)]);
}

function* toRows(bytes: Buffer): Generator<{ begin: number; end: number; isRow: boolean }> {
  let plainFrom = 0;
  for (let begin = 0; begin < bytes.length; ) {
    let end = begin + 1;
    while (end < bytes.length && bytes[end] === bytes[begin]) end++;
    if (end - begin >= 24) {
      if (plainFrom < begin) yield { begin: plainFrom, end: begin, isRow: false };
      yield { begin, end, isRow: true };
      plainFrom = end;
    }
    begin = end;
  }
  if (plainFrom < bytes.length) yield { begin: plainFrom, end: bytes.length, isRow: false };
}

/** An entry of a message set as brokers before Kafka 0.11 kept them. */
export function oldEntry(
  magic: 0 | 1,
  offset: bigint,
  codec: number,
  value: Buffer | null,
  key: Buffer | null = null,
): Buffer {
  const field = (bytes: Buffer | null) => {
    const size = Buffer.alloc(4);
    size.writeInt32BE(bytes?.length ?? -1);
    return Buffer.concat([size, bytes ?? Buffer.alloc(0)]);
  };
  const rest = Buffer.concat([
    Buffer.from([magic, codec]),
    ...(magic === 1 ? [Buffer.alloc(8)] : []),
    field(key),
    field(value),
  ]);
  const head = Buffer.alloc(16);
  head.writeBigInt64BE(offset, 0);
  head.writeInt32BE(rest.length + 4, 8);
  head.writeUInt32BE(crc32(rest), 12);
  return Buffer.concat([head, rest]);
}
