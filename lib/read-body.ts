// The body of a call, whole: bounded by the bytes that really arrive and by the time that they take.
import type { IncomingMessage } from 'node:http';
import { PosthornError } from './errors.ts';

/** `code` is too_large, too_slow or broken_off. After it nothing is read, and the server closes the connection. */
export class BodyError extends PosthornError {}

/**
 * The announced length only lets it refuse earlier.
 * @throws BodyError
 */
export function readBody(
  incoming: IncomingMessage,
  { maxBytes, limitMs }: { maxBytes: number; limitMs: number },
): Promise<Buffer> {
  const tooLarge = () => new BodyError('too_large', `The body may have at most ${maxBytes} bytes.`);
  if (Number(incoming.headers['content-length'] ?? 0) > maxBytes) return Promise.reject(tooLarge());
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const settle = (finish: () => void) => {
      clearTimeout(timer);
      incoming.off('data', onData).off('end', onEnd).off('error', onBroken).off('close', onBroken);
      finish();
    };
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) settle(() => reject(tooLarge()));
      else chunks.push(chunk);
    };
    const onEnd = () =>
      settle(() => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length)));
    const onBroken = () => settle(() => reject(new BodyError('broken_off', 'The connection broke within the body.')));
    const timer = setTimeout(
      () => settle(() => reject(new BodyError('too_slow', `The body did not arrive within ${limitMs} ms.`))),
      limitMs,
    );
    incoming.on('data', onData).on('end', onEnd).on('error', onBroken).on('close', onBroken);
  });
}
