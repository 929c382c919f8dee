// A bench that cannot go on: shown to people as one sentence, without a stack.
import { PosthornError } from '../lib/errors.ts';

export class BenchError extends PosthornError {
  constructor(message: string, options: { cause?: unknown } = {}) {
    super('bench_failed', message, options);
  }
}
