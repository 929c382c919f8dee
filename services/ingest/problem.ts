// How ingest says no: application/problem+json (RFC 9457) with every fault at once, each with its place.

/** Where a fault is: a JSON pointer into the body (RFC 6901), or the name of a query parameter or header. */
export type Fault =
  | { pointer: string; detail: string }
  | { parameter: string; detail: string }
  | { header: string; detail: string };

/** The closed list of codes, each with its status. For programs; `detail` is for people. */
const statuses = {
  malformed: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  request_unanswered: 409,
  request_ended: 409,
  too_large: 413,
  not_json: 415,
  invalid: 422,
  idempotency_key_reused: 422,
  too_many_requests: 429,
  internal_error: 500,
  unavailable: 503,
} as const;

export type ProblemCode = keyof typeof statuses;

const titles: Record<ProblemCode, string> = {
  malformed: 'The body is not well-formed JSON',
  unauthorized: 'An API key is needed',
  forbidden: 'This API key may not do that',
  not_found: 'Not found',
  method_not_allowed: 'Method not allowed',
  request_timeout: 'The body did not arrive in time',
  request_unanswered: 'The first request with this Idempotency-Key is not answered yet',
  request_ended: 'The request has ended',
  too_large: 'The body is too large',
  not_json: 'The body is not JSON',
  invalid: 'The request is not valid',
  idempotency_key_reused: 'This Idempotency-Key was used for another request',
  too_many_requests: 'Too many requests',
  internal_error: 'Something went wrong here',
  unavailable: 'Not available at the moment',
};

/** So many faults are told at once; a body of 10,000 wrong ids would otherwise make an answer of a megabyte. */
const faultLimit = 50;

export interface ProblemBody {
  type: string;
  title: string;
  status: number;
  code: ProblemCode;
  detail: string;
  errors?: readonly Fault[];
}

export class Problem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly faults: readonly Fault[];
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    code: ProblemCode,
    detail: string,
    options: { faults?: readonly Fault[]; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(detail, { cause: options.cause });
    this.code = code;
    this.status = statuses[code];
    this.faults = options.faults ?? [];
    this.headers = options.headers ?? {};
  }

  toBody(): ProblemBody {
    const told = this.faults.slice(0, faultLimit);
    const untold = this.faults.length - told.length;
    return {
      type: 'about:blank',
      title: titles[this.code],
      status: this.status,
      code: this.code,
      detail:
        untold > 0 ? `${this.message} The first ${faultLimit} of ${this.faults.length} faults are told.` : this.message,
      ...(told.length > 0 ? { errors: told } : {}),
    };
  }

  toResponse(): Response {
    return new Response(`${JSON.stringify(this.toBody())}\n`, {
      status: this.status,
      headers: { 'content-type': 'application/problem+json', 'cache-control': 'no-store', ...this.headers },
    });
  }
}

/** 503: try again, nothing of it was accepted (or, with an Idempotency-Key, nothing will be accepted twice). */
export function unavailable(detail: string, retryAfterSeconds: number, cause?: unknown): Problem {
  return new Problem('unavailable', detail, { headers: { 'retry-after': String(retryAfterSeconds) }, cause });
}
