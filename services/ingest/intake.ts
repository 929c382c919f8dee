// From an accepted draft to the 202: row, record, mark. Requests that come within the same few milliseconds go together,
// and nobody is answered before Kafka has acknowledged the record.
import { DependencyError, PermanentError } from '../../lib/errors.ts';
import type { NotificationRequested } from '../../lib/events.ts';
import type { Outgoing } from '../../lib/kafka/stage.ts';
import type { Logger } from '../../lib/logger.ts';
import type { Topics } from '../../lib/topics.ts';
import { type Draft, toRecord, toRecordKey } from './accept.ts';
import { type AcceptedStore, type Admission, unansweredMs } from './accepted-store.ts';
import { createBreaker } from './breaker.ts';
import { createGatherer } from './gather.ts';
import { Problem, unavailable } from './problem.ts';
import { callLimitMs, retryAfterSeconds, withinLimit } from './time-limit.ts';

export interface Submission {
  /** Computed from the Idempotency-Key, or drawn. */
  requestId: string;
  apiKeyId: string;
  idempotencyKey: string | null;
  draft: Draft;
  bodyHash: Buffer;
  traceparent: string;
  /** Of the body: what the record takes, roughly. */
  byteCount: number;
}

export interface Intake {
  /** Resolves when Kafka has the record. @throws Problem request_unanswered, idempotency_key_reused or unavailable */
  submit(submission: Submission): Promise<void>;
  drain(): Promise<void>;
}

interface Options {
  store: AcceptedStore;
  publish: (records: readonly Outgoing<'NotificationRequested'>[]) => Promise<void>;
  topics: Pick<Topics, 'requests' | 'requestsHigh'>;
  logger: Logger;
  onBatch(count: number): void;
  /** A caller gets 503 after so long, whatever is still being tried. */
  limitMs?: number;
}

type Ticket = Submission & { deadlineMs: number };

const gathering = { windowMs: 2, maxCount: 500, maxBytes: 512 * 1024, maxRunning: 3 };
/** More than this waiting means that something below is stuck: better an honest 503 at once. */
const maxPending = 5_000;

export function createIntake(options: Options): Intake {
  const { store, topics, logger, limitMs = callLimitMs } = options;
  const breaker = createBreaker(limitMs);
  const givenUp = createGivenUp();

  const run = async (batch: readonly Ticket[]): Promise<(undefined | Error)[]> => {
    options.onBatch(batch.length);
    const answers = new Map<Ticket, Error>();
    // Who has had a 503 already may have given up: nothing is sent behind his back.
    let open = dropLate(batch, answers);
    const admitted = open.length > 0 ? await store.admit(open) : [];
    const admissions = new Map(
      open.map((ticket, index) => [ticket, givenUp.reopen(ticket.requestId, admitted[index])]),
    );
    open = open.filter((ticket) => {
      const refusal = toRefusal(admissions.get(ticket));
      if (refusal) answers.set(ticket, refusal);
      return refusal === undefined && admissions.get(ticket)?.state === 'open';
    });
    open = dropLate(open, answers);
    if (open.length > 0) {
      await breaker.watch(() =>
        options.publish(open.map((ticket) => toOutgoing(ticket, admissions.get(ticket), topics))),
      );
    }
    const keyed = open.filter((ticket) => ticket.idempotencyKey !== null);
    if (keyed.length > 0) await mark(keyed);
    return batch.map((ticket) => answers.get(ticket));
  };

  /** Kafka has them, so the answer is 202 even when the mark fails: a retry then gets 409 for a while and the same id. */
  const mark = async (keyed: readonly Ticket[]): Promise<void> => {
    try {
      await store.markPublished(keyed.map((ticket) => ticket.requestId));
    } catch (error) {
      logger.warn({ err: error }, 'could not mark requests as published');
    }
  };

  const gatherer = () => createGatherer<Ticket, undefined>({ ...gathering, run, sizeOf: (ticket) => ticket.byteCount });
  // Two of them, so that what is urgent never waits behind a megabyte of user ids.
  const lanes = { high: gatherer(), others: gatherer() };

  return {
    async submit(submission) {
      const lane = submission.draft.priority === 'high' ? lanes.high : lanes.others;
      if (breaker.isOpen()) throw unavailable('Kafka does not take records at the moment.', retryAfterSeconds);
      if (lane.pendingCount >= maxPending) throw unavailable('Too many requests are waiting.', retryAfterSeconds);
      const work = lane.add({ ...submission, deadlineMs: Date.now() + limitMs });
      try {
        await withinLimit(work, 'Kafka or Postgres did not answer in time. It may still be accepted.', limitMs);
      } catch (error) {
        const problem = toProblem(error);
        const isDown = problem instanceof Problem && problem.code === 'unavailable';
        if (isDown && submission.idempotencyKey !== null) givenUp.add(submission.requestId);
        throw problem;
      }
    },
    async drain() {
      await Promise.all([lanes.high.drain(), lanes.others.drain()]);
    },
  };
}

function dropLate(tickets: readonly Ticket[], answers: Map<Ticket, Error>): Ticket[] {
  const nowMs = Date.now();
  return tickets.filter((ticket) => {
    if (ticket.deadlineMs > nowMs) return true;
    answers.set(ticket, unavailable('It took too long.', retryAfterSeconds));
    return false;
  });
}

function toRefusal(admission: Admission | undefined): Problem | undefined {
  if (admission?.state === 'other_body') {
    return new Problem('idempotency_key_reused', 'The first request with this Idempotency-Key had another body.', {
      faults: [{ pointer: '', detail: 'is not what was sent with this Idempotency-Key before' }],
    });
  }
  if (admission?.state === 'unanswered') {
    const seconds = String(Math.max(1, Math.ceil(admission.retryAfterMs / 1000)));
    const detail = `Try again; at the latest in ${seconds} s the same request_id is given.`;
    return new Problem('request_unanswered', detail, { headers: { 'retry-after': seconds } });
  }
  return undefined;
}

function toOutgoing(
  ticket: Ticket,
  admission: Admission | undefined,
  topics: Options['topics'],
): Outgoing<'NotificationRequested'> {
  const requestedAtMs = admission?.state === 'open' ? admission.acceptedAtMs : Date.now();
  const event: NotificationRequested = toRecord(ticket.draft, ticket.requestId, requestedAtMs);
  const topic = ticket.draft.priority === 'high' ? topics.requestsHigh : topics.requests;
  return { topic, key: toRecordKey(event), event, traceparent: ticket.traceparent };
}

function toProblem(error: unknown): unknown {
  if (error instanceof Problem) return error;
  if (error instanceof PermanentError && error.code === 'too_large') {
    return new Problem('too_large', 'Kafka does not take a record of this size.', { cause: error });
  }
  if (error instanceof DependencyError) return dependencyProblem(error);
  return error;
}

export function dependencyProblem(error: DependencyError): Problem {
  const name = error.dependency === 'kafka' ? 'Kafka' : error.dependency === 'postgres' ? 'Postgres' : error.dependency;
  return unavailable(`${name} is down. Try again in a moment.`, retryAfterSeconds, error);
}

/**
 * Keyed requests that this process answered with 503: their retry need not wait until the row counts as abandoned. It
 * makes the same record, so that nothing is lost should the first one have come through after all.
 */
function createGivenUp() {
  const untilMs = new Map<string, number>();
  return {
    add(requestId: string): void {
      const nowMs = Date.now();
      if (untilMs.size > 10_000) for (const [id, until] of untilMs) if (until < nowMs) untilMs.delete(id);
      untilMs.set(requestId, nowMs + unansweredMs);
    },
    reopen(requestId: string, admission: Admission | undefined): Admission | undefined {
      if (admission?.state !== 'unanswered' || !untilMs.delete(requestId)) return admission;
      return { state: 'open', acceptedAtMs: admission.acceptedAtMs };
    },
  };
}
