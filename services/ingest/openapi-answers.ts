// What ingest answers, for the OpenAPI document: bodies, problems and examples.
import { z } from '@hono/zod-openapi';
import { Problem } from './problem.ts';
import { deliveryStates } from './query-parameters.ts';

const requestId = '7d7f0f43-1c5d-4a88-9d7e-0a8f3a2f5c11';
const time = z.iso.datetime().openapi({ example: '2026-11-23T09:00:00.000Z' });
const numbers = z.int().min(0);

export const acceptedAnswer = {
  description: 'Accepted: Kafka has it, and it will not be lost.',
  headers: z.object({ Location: z.string().openapi({ description: 'Where its progress is told.' }) }),
  content: {
    'application/json': {
      schema: z.object({ request_id: z.uuid() }).openapi('Accepted'),
      example: { request_id: requestId },
    },
  },
};

export const cancelledAnswer = {
  ...acceptedAnswer,
  description: 'It is cancelled. What a mail server has already stays sent.',
};

export const sendNotificationExamples = {
  people: {
    summary: 'To some people',
    value: {
      event: {
        template_id: 'monthly-statistics',
        priority: 'low',
        is_promo: true,
        user_ids: ['9990d6d0-0290-8f15-99a9-6b2171392b79'],
        context: { month: 'November' },
      },
    },
  },
  category: {
    summary: 'To a category, later',
    value: {
      event: {
        template_id: 'new-episode',
        user_categories: ['vip'],
        context: { series: 'The Post Road' },
        scheduled_at: '2030-12-01T09:00:00Z',
        expires_at: '2030-12-02T09:00:00Z',
      },
    },
  },
};

export const feedbackAnswer = {
  description: 'They are stored, and what they suppress is suppressed.',
  content: {
    'application/json': { schema: z.object({ accepted: z.int() }).openapi('Noted'), example: { accepted: 2 } },
  },
};

export const feedbackExamples = {
  mixed: {
    summary: 'A bounce by address, a complaint by notification',
    value: [
      { type: 'bounce', address: 'gone@example.com', status: '5.1.1', at: '2026-11-23T09:00:00Z' },
      { type: 'complaint', notification_id: 'b5fa5e24-30b5-83d2-9bf4-2d7f86b01c37', status: 'abuse' },
    ],
  },
};

export const requestStatus = z
  .object({
    request_id: z.uuid(),
    state: z.enum(['accepted', 'scheduled', 'planning', 'running', 'paused', 'done', 'cancelled', 'rejected']),
    planning_complete: z.boolean(),
    planned: numbers,
    sent: numbers,
    failed: numbers,
    skipped: numbers,
    unknown: numbers,
    in_flight: numbers,
    reasons: z.array(z.object({ state: z.string(), reason: z.string(), count: z.int() })),
    detail: z.string().nullable().openapi({ description: 'Why, where it was rejected.' }),
    accepted_at: time.nullable(),
    requested_at: time.nullable(),
    stored_at: time.nullable(),
    scheduled_at: time.nullable(),
    expires_at: time.nullable(),
    started_at: time
      .nullable()
      .openapi({ description: 'Of requests with an audience or a later time: planning began.' }),
    ended_at: time
      .nullable()
      .openapi({ description: 'The last of its people had an end. A few seconds may pass until it is said.' }),
  })
  .openapi('Request', {
    example: {
      request_id: requestId,
      state: 'done',
      planning_complete: true,
      planned: 3,
      sent: 2,
      failed: 0,
      skipped: 1,
      unknown: 0,
      in_flight: 0,
      reasons: [{ state: 'skipped', reason: 'no_consent', count: 1 }],
      detail: null,
      accepted_at: '2026-11-23T09:00:00.000Z',
      requested_at: '2026-11-23T09:00:00.000Z',
      stored_at: '2026-11-23T09:00:00.020Z',
      scheduled_at: null,
      expires_at: null,
      started_at: null,
      ended_at: null,
    },
  });

const summary = z
  .object({
    notification_id: z.uuid(),
    request_id: z.uuid(),
    user_id: z.string(),
    channel: z.enum(['email', 'sms']),
    address: z.string().nullable().openapi({ description: 'Masked.', example: 'j…@example.com' }),
    template_id: z.string(),
    template_version: z.int(),
    priority: z.enum(['high', 'medium', 'low']),
    state: z.enum(deliveryStates),
    reason: z.string().nullable(),
    attempts: numbers,
    requested_at: time,
    ended_at: time.nullable(),
  })
  .openapi('NotificationSummary');

export const notification = summary
  .extend({
    chunk_id: z.uuid(),
    detail: z.string().nullable().openapi({ description: "The server's answer, or what the template failed on." }),
    next_attempt_at: time.nullable(),
    journey: z.array(
      z.object({
        stage: z.string(),
        at: time,
        outcome: z.string(),
        reason: z.string().nullable(),
        detail: z.string().nullable(),
      }),
    ),
  })
  .openapi('Notification');

const planned = summary
  .extend({
    state: z.literal('planned'),
    template_version: z.int().nullable().openapi({ description: 'Null: of a mailing whose time has not come.' }),
    last_seen: z.object({ stage: z.string(), outcome: z.enum(['requested', 'planned', 'published']), at: time }),
    waits_for: z.string().openapi({
      description: 'What the stage that has it waits for, in sentences.',
      example: 'It is in the topics between enricher and dispatcher, low priority, since 2026-11-23T09:00:00.000Z.',
    }),
  })
  .openapi('PlannedNotification');

export const notificationPage = z
  .object({
    notifications: z.array(z.union([summary, planned])),
    next: z.string().nullable().openapi({
      description:
        'For `after`; null on the last page. A page may be shorter than `limit`, or empty, and have one all the same.',
    }),
    all_planned: z
      .boolean()
      .optional()
      .openapi({
        description:
          'On the first page of a person: whether all open requests were looked through for what is planned. False where ' +
          'more than 500 are open for many people, or the largest hold more than a million people.',
      }),
  })
  .openapi('NotificationPage');

const place = { detail: z.string() };
const problem = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().openapi({ description: 'From a closed list, for programs.' }),
    detail: z.string(),
    errors: z
      .array(
        z.union([
          z.object({ pointer: z.string().openapi({ description: 'Into the body, RFC 6901.' }), ...place }),
          z.object({ parameter: z.string(), ...place }),
          z.object({ header: z.string(), ...place }),
        ]),
      )
      .max(50)
      .optional(),
  })
  .openapi('Problem');

/** For each status what it means, and one of its answers. */
const refusals = {
  400: [
    'Not well-formed JSON; says line and column.',
    new Problem('malformed', 'At line 2, column 7: a colon is expected here.'),
  ],
  401: ['No API key, or a wrong one.', new Problem('unauthorized', 'There is no such API key, or it was revoked.')],
  403: [
    'The API key lacks the scope, or the request is not its own.',
    new Problem('forbidden', 'This API key lacks the scope "send".'),
  ],
  404: ['Nobody knows this id.', new Problem('not_found', 'There is no request with this id.')],
  409: [
    'The first call with this Idempotency-Key is not answered yet; for 10 s at most.',
    new Problem('request_unanswered', 'Try again; at the latest in 8 s the same request_id is given.'),
  ],
  413: ['The body has more than 1 MiB.', new Problem('too_large', 'The body may have at most 1048576 bytes (1 MiB).')],
  415: ['The body is not JSON.', new Problem('not_json', 'Send the body with "Content-Type: application/json".')],
  422: [
    'Not valid, or the Idempotency-Key was used for another body.',
    new Problem('invalid', 'The request is not valid; nothing was accepted.', {
      faults: [{ pointer: '/event/user_ids/3', detail: 'must be 1 to 64 of A-Z a-z 0-9 . _ : -' }],
    }),
  ],
  429: ['The API key calls too often.', new Problem('too_many_requests', 'This API key calls too often.')],
  503: ['Kafka or Postgres is down.', new Problem('unavailable', 'Kafka is down. Try again in a moment.')],
} as const;

/** Of a request that has ended there is nothing left to cancel. */
export const endedProblem = {
  409: {
    description: 'It is done or was rejected.',
    content: {
      'application/problem+json': {
        schema: problem,
        example: new Problem('request_ended', 'It is done: everybody in it has an end already.').toBody(),
      },
    },
  },
};

export function problems(...statuses: (keyof typeof refusals)[]) {
  const retryAfter = z.object({ 'Retry-After': z.string().openapi({ description: 'Seconds.' }) });
  return Object.fromEntries(
    statuses.map((status) => {
      const [description, example] = refusals[status];
      const content = { 'application/problem+json': { schema: problem, example: example.toBody() } };
      return [status, { description, content, ...([409, 429, 503].includes(status) ? { headers: retryAfter } : {}) }];
    }),
  );
}
