// Snappy, read only (https://github.com/google/snappy/blob/main/format_description.txt), as producers send it to Kafka:
// Java cuts it into chunks with a head of their own (snappy-java's SnappyOutputStream), librdkafka does not.

const javaMagic = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00]);
/** The magic, a version and the oldest compatible one. */
const javaHeadBytes = 16;

/** @throws RangeError for what is not snappy, or is longer than `maxBytes` */
export function unpackSnappy(bytes: Buffer, maxBytes: number): Buffer {
  if (!bytes.subarray(0, javaMagic.length).equals(javaMagic)) return unpackBlock(bytes, maxBytes);
  const chunks: Buffer[] = [];
  let left = maxBytes;
  for (let at = javaHeadBytes; at < bytes.length; ) {
    const length = bytes.readInt32BE(at);
    const begin = at + 4;
    if (length < 0 || begin + length > bytes.length) throw new RangeError('a chunk is cut short');
    const chunk = unpackBlock(bytes.subarray(begin, begin + length), left);
    left -= chunk.length;
    chunks.push(chunk);
    at = begin + length;
  }
  return Buffer.concat(chunks);
}

function unpackBlock(bytes: Buffer, maxBytes: number): Buffer {
  const { length, begin } = readLength(bytes);
  if (length > maxBytes) throw new RangeError(`${length} bytes`);
  const output = Buffer.allocUnsafe(length);
  let at = begin;
  let written = 0;
  while (at < bytes.length) {
    const tag = bytes[at++] as number;
    if ((tag & 3) === 0) {
      let count = (tag >> 2) + 1;
      if (count > 60) {
        const width = count - 60;
        count = bytes.readUIntLE(at, width) + 1;
        at += width;
      }
      if (at + count > bytes.length || written + count > length) throw new RangeError('a literal is cut short');
      bytes.copy(output, written, at, at + count);
      at += count;
      written += count;
      continue;
    }
    let count = (tag >> 2) + 1;
    let distance: number;
    if ((tag & 3) === 1) {
      count = ((tag >> 2) & 7) + 4;
      distance = ((tag >> 5) << 8) | bytes.readUInt8(at);
      at += 1;
    } else {
      const width = (tag & 3) === 2 ? 2 : 4;
      distance = bytes.readUIntLE(at, width);
      at += width;
    }
    if (distance === 0 || distance > written || written + count > length) throw new RangeError('a copy from nowhere');
    copyWithin(output, written, distance, count);
    written += count;
  }
  if (written !== length) throw new RangeError('it is cut short');
  return output;
}

/** What is copied may be what is just being written: a distance of 1 repeats one byte. */
export function copyWithin(output: Buffer, at: number, distance: number, count: number): void {
  if (distance >= count) {
    output.copyWithin(at, at - distance, at - distance + count);
  } else if (distance === 1) {
    output.fill(output[at - 1] as number, at, at + count);
  } else {
    for (let index = at; index < at + count; index++) output[index] = output[index - distance] as number;
  }
}

/** A varint of at most 32 bits. */
function readLength(bytes: Buffer): { length: number; begin: number } {
  let length = 0;
  for (let begin = 0; begin < 5; begin++) {
    const byte = bytes.readUInt8(begin);
    length += (byte & 0x7f) * 2 ** (7 * begin);
    if (byte < 0x80) return { length, begin: begin + 1 };
  }
  throw new RangeError('it begins with no length');
}
