// Unpacks what producers have compressed (Kafka's attributes of a batch name the codec), each up to a length: a batch of
// 1 MB can be made to unpack to 1 GB. gzip and zstd are Node's own; snappy and LZ4 stand beside this file.
import { promisify } from 'node:util';
import { gunzip, zstdDecompress } from 'node:zlib';
import { describeError, PermanentError } from '../errors.ts';
import { unpackLz4 } from './compression-lz4.ts';
import { unpackSnappy } from './compression-snappy.ts';

/** By the number that stands in the attributes; 0 is none. */
const codecs = new Map<number, { name: string; unpack(bytes: Buffer, maxBytes: number): Buffer | Promise<Buffer> }>([
  [1, { name: 'gzip', unpack: (bytes, maxOutputLength) => unpackGzip(bytes, { maxOutputLength }) }],
  [2, { name: 'snappy', unpack: unpackSnappy }],
  [3, { name: 'lz4', unpack: unpackLz4 }],
  [4, { name: 'zstd', unpack: (bytes, maxOutputLength) => unpackZstd(bytes, { maxOutputLength }) }],
]);

/** @throws PermanentError('batch_unreadable') for other bytes, more than `maxBytes`, and codecs that nobody knows */
export async function unpack(codec: number, bytes: Buffer, maxBytes: number): Promise<Buffer> {
  const known = codecs.get(codec);
  if (!known) throw new PermanentError('batch_unreadable', `nobody knows the compression ${codec}`);
  try {
    return await known.unpack(bytes, maxBytes);
  } catch (cause) {
    const message = `it cannot be unpacked by ${known.name} within ${maxBytes} bytes: ${describeError(cause)}`;
    throw new PermanentError('batch_unreadable', message, { cause });
  }
}

type UnpackWithin = (bytes: Buffer, options: { maxOutputLength: number }) => Promise<Buffer>;

const unpackGzip: UnpackWithin = promisify(gunzip);
/** From Node 22.15 on; the ones before it have no such function. */
const unpackZstd: UnpackWithin =
  typeof zstdDecompress === 'function'
    ? promisify(zstdDecompress)
    : () => Promise.reject(new Error('this Node has no zstd'));
