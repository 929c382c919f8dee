// The schema registry's three questions that Posthorn asks (Confluent's HTTP API), each with a time limit.
import { DependencyError, TransientError } from '../errors.ts';
import { type SafeRequest, type SafeResponse, safeFetch } from '../safe-fetch.ts';

export interface Registry {
  /** @returns the text of an Avro schema; undefined when the id is not known */
  schemaById(id: number): Promise<string | undefined>;
  /** @returns the id under which this very schema is registered for the subject; undefined when it is not */
  idOf(subject: string, schema: string): Promise<number | undefined>;
  /** Sets which changes the subject allows; the subject need not exist yet. */
  setCompatibility(subject: string, compatibility: 'FULL_TRANSITIVE'): Promise<void>;
}

const timeoutMs = 5_000;
const maxBytes = 1024 * 1024;
const mediaType = 'application/vnd.schemaregistry.v1+json';

/**
 * Every question throws DependencyError('registry') when it gets no answer that a registry would give. That goes for
 * wrong credentials and wrong paths as well: it is never the fault of a record.
 * @param url with credentials in it when the registry asks for them (Basic)
 */
export function createRegistry(url: string): Registry {
  const base = url.replace(/\/+$/, '');

  /** @returns undefined when the registry knows no such thing */
  async function ask(
    path: string,
    question?: { method: 'POST' | 'PUT'; body: unknown },
  ): Promise<Record<string, unknown> | undefined> {
    const response = await exchange(`${base}${path}`, {
      method: question?.method ?? 'GET',
      headers: { accept: mediaType, ...(question && { 'content-type': mediaType }) },
      ...(question && { body: JSON.stringify(question.body) }),
      timeoutMs,
      maxBytes,
    });
    const answer = parse(response.text);
    if (response.status === 200 && answer) return answer;
    // Without its error code a 404 is not the registry's: a wrong path, or a proxy before it.
    if (response.status === 404 && typeof answer?.error_code === 'number') return undefined;
    const detail = String(answer?.message ?? response.text).slice(0, 300);
    throw new DependencyError('registry', `the schema registry answers ${response.status} ${detail}`.trimEnd());
  }

  return {
    async schemaById(id) {
      const answer = await ask(`/schemas/ids/${id}`);
      const { schema, schemaType = 'AVRO' } = answer ?? {};
      return schemaType === 'AVRO' && typeof schema === 'string' ? schema : undefined;
    },
    async idOf(subject, schema) {
      const answer = await ask(`/subjects/${encodeURIComponent(subject)}`, { method: 'POST', body: { schema } });
      return typeof answer?.id === 'number' ? answer.id : undefined;
    },
    async setCompatibility(subject, compatibility) {
      await ask(`/config/${encodeURIComponent(subject)}`, { method: 'PUT', body: { compatibility } });
    },
  };
}

async function exchange(address: string, request: SafeRequest): Promise<SafeResponse> {
  try {
    return await safeFetch(address, request);
  } catch (cause) {
    if (!(cause instanceof TransientError)) throw cause;
    throw new DependencyError('registry', 'the schema registry does not answer', { cause });
  }
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const answer: unknown = JSON.parse(text);
    return typeof answer === 'object' && answer !== null ? { ...answer } : undefined;
  } catch {
    return undefined;
  }
}
