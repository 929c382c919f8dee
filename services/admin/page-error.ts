// An error that a person reads as a page: what is wrong and what to do, in plain words.
import type { ContentfulStatusCode } from 'hono/utils/http-status';

export class PageError extends Error {
  readonly status: ContentfulStatusCode;
  constructor(status: ContentfulStatusCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options);
    this.name = 'PageError';
    this.status = status;
  }
}
