// What a message ends with when its rendering throws: always an error of this one message, also where nobody meant to
// throw. Whether the code can render anything at all is another question, asked by the renderer's workers.
import { describeError, PermanentError } from '../lib/errors.ts';

/** @returns the error itself where it was meant; else PermanentError('render_limit' | 'render_bug') with it as cause */
export function toRenderFault(error: unknown): PermanentError {
  if (error instanceof PermanentError) return error;
  const words = firstLine(describeError(error));
  // A stack or a string beyond what JavaScript can hold.
  if (error instanceof RangeError)
    return new PermanentError('render_limit', `it needs too much: ${words}`, { cause: error });
  return new PermanentError('render_bug', `the renderer met an error of its own: ${words}`, { cause: error });
}

/** Of a fault that was not meant: where it was thrown, for the log alone. */
export function findUnmeant(fault: PermanentError): unknown {
  return fault.code === 'render_bug' ? fault.cause : undefined;
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').slice(0, 300);
}
