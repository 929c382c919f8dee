// What one rendering may cost, counted in steps and characters and never in time: the same message fails or passes on
// every machine, however busy it is. Only what these counts cannot see (one very long filter) is left to the clock of
// the renderer's workers.
import type { Context, Emitter } from 'liquidjs';
import { PermanentError } from '../lib/errors.ts';
import { writeValue } from './written-value.ts';

/** Length of one template's source. */
export const maxSourceChars = 512 * 1024;
/** Nodes of a template that are rendered: an output, a text or a tag, each time round a loop anew. */
export const maxSteps = 100_000;
/** What filters, ranges and captures of one rendering may make, together. */
export const maxAllocationChars = 2 * 1024 * 1024;

/** A message that is too long, or too deep: found at once, so that it costs next to nothing. */
export class LengthLimitError extends PermanentError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('render_limit', message, options);
  }
}

/** LiquidJS does not export the class of its limits, and asks no more of one than these two. */
export type Limiter = Context['memoryLimit'];

export function createAllocationLimit(): Limiter {
  let used = 0;
  return toLimiter({
    use(count) {
      // A width that is no number, or below zero, must not give anything back.
      if (!(count > 0)) return;
      used += count;
      if (used > maxAllocationChars) {
        throw new PermanentError('render_limit', `it makes more than ${maxAllocationChars} characters on its way`);
      }
    },
    check() {},
  });
}

/** Its `check` is called before every node (render-nodes.ts); the number it is given does not matter. */
export function createStepLimit(): Limiter {
  let steps = 0;
  return toLimiter({
    use() {},
    check() {
      steps += 1;
      if (steps > maxSteps) throw new PermanentError('render_limit', `it takes more than ${maxSteps} steps`);
    },
  });
}

/** Where a rendering writes to, up to a length. */
export class LimitedOutput implements Emitter {
  buffer = '';
  readonly #maxChars: number;

  constructor(maxChars: number) {
    this.#maxChars = maxChars;
  }

  write(value: unknown): void {
    const text = typeof value === 'string' ? value : writeValue(value);
    if (this.buffer.length + text.length > this.#maxChars) {
      throw new LengthLimitError(`it writes more than ${this.#maxChars} characters`);
    }
    this.buffer += text;
  }
}

/** Where `capture` and the like write to: no length of its own, but it counts as made on the way. */
export class CountedOutput implements Emitter {
  buffer = '';
  readonly #allocation: Limiter;

  constructor(allocation: Limiter) {
    this.#allocation = allocation;
  }

  write(value: unknown): void {
    const text = typeof value === 'string' ? value : writeValue(value);
    this.#allocation.use(text.length);
    this.buffer += text;
  }
}

function toLimiter(limiter: { use(count: number): void; check(count: number): void }): Limiter {
  return limiter as unknown as Limiter;
}
