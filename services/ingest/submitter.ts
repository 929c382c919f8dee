// From a POST to its request id: reads the body, gathers the facts, lets accept.ts decide, hands over to the intake.
import type { IncomingMessage } from 'node:http';
import { newRequestId, requestIdFor } from '../../domain/ids.ts';
import { DependencyError } from '../../lib/errors.ts';
import { type Accepted, acceptNotification, acceptRegistration, type Draft, type Facts } from './accept.ts';
import type { AcceptedStore } from './accepted-store.ts';
import type { ApiKey } from './api-keys.ts';
import type { FactSource } from './facts.ts';
import type { Intake } from './intake.ts';
import { type Fault, Problem } from './problem.ts';
import { hasNoBody, type JsonBody, readJsonBody } from './request-body.ts';
import { readWithinLimit } from './time-limit.ts';
import { toTraceparent } from './traceparent.ts';

export interface Submitter {
  /** @returns the request's id, once Kafka has it. @throws Problem, DependencyError('postgres') */
  sendNotification(incoming: IncomingMessage, key: ApiKey): Promise<string>;
  registerUser(incoming: IncomingMessage, query: URLSearchParams, key: ApiKey): Promise<string>;
}

interface Parts {
  facts: FactSource;
  store: AcceptedStore;
  intake: Intake;
}

/** What was unknown a moment ago may have been made since: asked again, but not for every wrong request. */
const freshMs = 200;

export function createSubmitter({ facts, store, intake }: Parts): Submitter {
  /** An answer that was given stands: a template archived or a time gone by since must not turn a retry into a 422. */
  const isRetry = async (requestId: string, bodyHash: Buffer): Promise<boolean> => {
    const first = await readWithinLimit(store.find(requestId));
    return first?.bodyHash.equals(bodyHash) ?? false;
  };

  const decide = async (
    accept: (facts: Facts) => Accepted,
    needs: { categories: boolean },
    requestId: string | null,
  ) => {
    let decision: Accepted;
    try {
      decision = accept(await readWithinLimit(facts.load(needs)));
      if (!decision.ok && decision.outdated) decision = accept(await readWithinLimit(facts.load(needs, freshMs)));
    } catch (error) {
      if (!isDown(error)) throw error;
      // What is wrong whatever the facts are can be said without them.
      decision = accept({ nowMs: Date.now(), templateIds: undefined, categories: undefined });
      if (decision.ok) throw error;
    }
    if (decision.ok) return decision;
    const { outdated, faults } = decision;
    if (outdated && requestId !== null && (await isRetry(requestId, outdated.bodyHash))) return outdated;
    throw new Problem('invalid', 'The request is not valid; nothing was accepted.', { faults });
  };

  const submit = async (
    incoming: IncomingMessage,
    key: ApiKey,
    body: JsonBody,
    accept: (facts: Facts) => Accepted,
  ): Promise<string> => {
    const idempotencyKey = readIdempotencyKey(incoming.headers['idempotency-key']);
    const computedId = idempotencyKey === null ? null : requestIdFor(key.apiKeyId, idempotencyKey);
    const needs = { categories: namesCategories(body.value) };
    const { draft, bodyHash }: { draft: Draft; bodyHash: Buffer } = await decide(accept, needs, computedId);
    const requestId = computedId ?? newRequestId();
    const traceparent = toTraceparent(incoming.headers.traceparent?.toString());
    const { apiKeyId } = key;
    await intake.submit({
      requestId,
      apiKeyId,
      idempotencyKey,
      draft,
      bodyHash,
      traceparent,
      byteCount: body.byteCount,
    });
    return requestId;
  };

  return {
    async sendNotification(incoming, key) {
      const body = await readJsonBody(incoming);
      return submit(incoming, key, body, (known) => acceptNotification(body.value, known, body.lossyNumbers));
    },
    async registerUser(incoming, query, key) {
      if (!hasNoBody(incoming)) {
        const [name] = query.keys();
        if (name !== undefined) throw invalidQuery([{ parameter: name, detail: 'send a body or this, not both' }]);
        const body = await readJsonBody(incoming);
        return submit(incoming, key, body, (known) => acceptRegistration(body.value, known));
      }
      const body = readQuery(query);
      return submit(incoming, key, body, (known) => {
        const decision = acceptRegistration(body.value, known);
        if (decision.ok || decision.outdated) return decision;
        throw invalidQuery(decision.faults.map(({ detail }) => ({ parameter: 'user_id', detail })));
      });
    },
  };
}

function isDown(error: unknown): boolean {
  return error instanceof DependencyError || (error instanceof Problem && error.code === 'unavailable');
}

function readIdempotencyKey(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  const key = header.toString();
  if (/^[\x20-\x7e]{1,255}$/.test(key)) return key;
  throw new Problem('invalid', 'The Idempotency-Key is not valid; nothing was accepted.', {
    faults: [{ header: 'Idempotency-Key', detail: 'must be 1 to 255 printable ASCII characters' }],
  });
}

/** The old API's form: `?user_id=` and no body. */
function readQuery(query: URLSearchParams): JsonBody {
  const ids = query.getAll('user_id');
  const unknown = [...query.keys()].find((name) => name !== 'user_id');
  if (unknown !== undefined) throw invalidQuery([{ parameter: unknown, detail: 'there is no such parameter' }]);
  if (ids.length > 1) throw invalidQuery([{ parameter: 'user_id', detail: 'may stand only once' }]);
  const [userId] = ids;
  if (userId === undefined) throw new Problem('malformed', 'There is neither a body nor a user_id in the query.');
  return { value: { user_id: userId }, lossyNumbers: [], byteCount: userId.length };
}

function invalidQuery(faults: Fault[]): Problem {
  return new Problem('invalid', 'The query is not valid; nothing was accepted.', { faults });
}

function namesCategories(body: unknown): boolean {
  if (typeof body !== 'object' || body === null || !('event' in body)) return false;
  const { event } = body;
  return typeof event === 'object' && event !== null && 'user_categories' in event;
}
