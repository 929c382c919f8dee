// LZ4 frames, read only (https://github.com/lz4/lz4/blob/dev/doc/lz4_Frame_format.md and lz4_Block_format.md).
// Checksums are passed over: the broker has checked the batch's own, and old Kafka clients wrote them wrongly (KIP-57).
import { copyWithin } from './compression-snappy.ts';

const magic = 0x184d2204;
const blockIsPlain = 0x80000000;
const flags = { blockChecksum: 0x10, contentSize: 0x08, contentChecksum: 0x04, dictionary: 0x01 };

/** Grows as it is needed: what a frame says about its size may be a lie. */
interface Output {
  buffer: Buffer;
  written: number;
  readonly maxBytes: number;
}

/** @throws RangeError for what is not LZ4, or is longer than `maxBytes` */
export function unpackLz4(bytes: Buffer, maxBytes: number): Buffer {
  const output: Output = { buffer: Buffer.allocUnsafe(Math.min(maxBytes, bytes.length * 4)), written: 0, maxBytes };
  let at = 0;
  do at = unpackFrame(bytes, at, output);
  while (at < bytes.length);
  return output.buffer.subarray(0, output.written);
}

/** @returns where the next frame begins */
function unpackFrame(bytes: Buffer, begin: number, output: Output): number {
  if (bytes.readUInt32LE(begin) !== magic) throw new RangeError('it begins with no frame');
  const flag = bytes.readUInt8(begin + 4);
  if (flag >> 6 !== 1) throw new RangeError('another version of frames');
  if (flag & flags.dictionary) throw new RangeError('it needs a dictionary');
  // Magic, flags, size of blocks, perhaps the size of all, a checksum of these.
  let at = begin + 6 + (flag & flags.contentSize ? 8 : 0) + 1;
  for (;;) {
    const head = bytes.readUInt32LE(at);
    at += 4;
    if (head === 0) break;
    const size = head & ~blockIsPlain;
    if (at + size > bytes.length) throw new RangeError('a block is cut short');
    const block = bytes.subarray(at, at + size);
    if (head >= blockIsPlain) append(block, output);
    else unpackBlock(block, output);
    at += size + (flag & flags.blockChecksum ? 4 : 0);
  }
  return at + (flag & flags.contentChecksum ? 4 : 0);
}

function unpackBlock(block: Buffer, output: Output): void {
  let at = 0;
  /** Lengths of 15 and more go on in further bytes, until one is not 255. */
  const readLength = (first: number): number => {
    if (first < 15) return first;
    let length = first;
    for (;;) {
      const byte = block.readUInt8(at++);
      length += byte;
      if (byte !== 255) return length;
    }
  };
  while (at < block.length) {
    const token = block[at++] as number;
    const literals = readLength(token >> 4);
    if (at + literals > block.length) throw new RangeError('a literal is cut short');
    append(block.subarray(at, at + literals), output);
    at += literals;
    // The last sequence has no match.
    if (at >= block.length) return;
    const distance = block.readUInt16LE(at);
    at += 2;
    const count = readLength(token & 15) + 4;
    if (distance === 0 || distance > output.written) throw new RangeError('a copy from nowhere');
    makeRoom(count, output);
    copyWithin(output.buffer, output.written, distance, count);
    output.written += count;
  }
}

function append(bytes: Buffer, output: Output): void {
  makeRoom(bytes.length, output);
  bytes.copy(output.buffer, output.written);
  output.written += bytes.length;
}

function makeRoom(count: number, output: Output): void {
  const needed = output.written + count;
  if (needed > output.maxBytes) throw new RangeError(`more than ${output.maxBytes} bytes`);
  if (needed <= output.buffer.length) return;
  const grown = Buffer.allocUnsafe(Math.min(output.maxBytes, Math.max(needed, output.buffer.length * 2)));
  output.buffer.copy(grown, 0, 0, output.written);
  output.buffer = grown;
}
