// The one way out over HTTP: a time limit, a size cap and no redirects on every call.
import { TransientError } from './errors.ts';

export interface SafeRequest {
  method?: 'GET' | 'POST' | 'PUT';
  headers?: Readonly<Record<string, string>>;
  body?: string;
  /** For the whole exchange, body included. */
  timeoutMs: number;
  /** Of the answer's body. */
  maxBytes: number;
  signal?: AbortSignal | undefined;
}

export interface SafeResponse {
  status: number;
  headers: Headers;
  text: string;
}

/** No answer arrived. `sent` is false only when it is certain that nothing left this machine. */
export class NoAnswerError extends TransientError {
  readonly sent: boolean;
  constructor(message: string, sent: boolean, cause: unknown) {
    super('no_answer', message, { cause });
    this.sent = sent;
  }
}

// Failures of connecting: the request was never written.
const notSentCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
]);

/**
 * Credentials in the URL become a Basic authorization header. Error messages name the host, never credentials or query.
 * @throws NoAnswerError when no answer came in time, TransientError('answer_too_large') when it is longer than maxBytes
 */
export async function safeFetch(address: string, request: SafeRequest): Promise<SafeResponse> {
  const { url, authorization } = splitCredentials(address);
  const timeout = AbortSignal.timeout(request.timeoutMs);
  const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout;
  try {
    const response = await fetch(url, {
      method: request.method ?? 'GET',
      headers: { ...authorization, ...request.headers },
      body: request.body ?? null,
      redirect: 'manual',
      signal,
    });
    return { status: response.status, headers: response.headers, text: await readBody(response, request.maxBytes) };
  } catch (error) {
    if (error instanceof TransientError) throw error;
    const message = timeout.aborted
      ? `${url.host} did not answer within ${request.timeoutMs} ms`
      : `${url.host} cannot be reached`;
    throw new NoAnswerError(message, !notSentCodes.has(networkCode(error)), error);
  }
}

async function readBody(response: Response, maxBytes: number): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > maxBytes) throw new TransientError('answer_too_large', `the answer is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, length).toString('utf8');
}

function splitCredentials(address: string): { url: URL; authorization: Record<string, string> } {
  const url = new URL(address);
  if (url.username === '' && url.password === '') return { url, authorization: {} };
  const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = '';
  url.password = '';
  return { url, authorization: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` } };
}

function networkCode(error: unknown): string {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ('code' in at && typeof at.code === 'string') return at.code;
  }
  return '';
}
