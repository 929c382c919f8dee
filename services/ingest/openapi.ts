// The OpenAPI document of /openapi.json and /docs, from the same schemas that judge the requests.
import { OpenAPIHono, type RouteConfig, z } from '@hono/zod-openapi';
import { sendNotificationBody, userRegistrationBody } from './event-schema.ts';
import { feedbackBody } from './feedback.ts';
import * as answers from './openapi-answers.ts';
import { defaultLimit, listedStates, maxLimit } from './query-parameters.ts';

const json = <S extends z.ZodType>(schema: S) => ({ 'application/json': { schema } });
const security = [{ apiKey: [] }];
const id = (name: string) => z.object({ id: z.uuid().openapi({ description: `The ${name}_id.` }) });

const idempotencyKey = z
  .string()
  .min(1)
  .max(255)
  .optional()
  .openapi({
    description:
      'Printable ASCII. The same key with the same body gives the same request_id and one notification, for 7 days; ' +
      'with another body 422; while the first call is not answered 409.',
  });
const postHeaders = z.object({ 'Idempotency-Key': idempotencyKey });

const posts: RouteConfig[] = [
  {
    method: 'post',
    path: '/api/v1/send_notification',
    tags: ['Requests'],
    summary: 'Ask for one message to some people',
    description:
      'Answered when Kafka has acknowledged the request, never before. `user_ids` and `user_categories` are united; ' +
      'a person in both gets one message.',
    security,
    request: {
      headers: postHeaders,
      body: {
        required: true,
        content: {
          'application/json': { schema: sendNotificationBody, examples: answers.sendNotificationExamples },
        },
      },
    },
    responses: { 202: answers.acceptedAnswer, ...answers.problems(400, 401, 403, 409, 413, 415, 422, 429, 503) },
  },
  {
    method: 'post',
    path: '/api/v1/user_registration',
    tags: ['Requests'],
    summary: 'Welcome a new user',
    description:
      'Sends the template `welcome` with high priority. Name the person in the body or, as the old API did, in the ' +
      'query without a body.',
    security,
    request: {
      headers: postHeaders,
      query: z.object({
        user_id: z.string().optional().openapi({ description: 'Only without a body: the form of the old API.' }),
      }),
      body: {
        required: false,
        content: {
          'application/json': {
            schema: userRegistrationBody,
            example: { user_id: '9990d6d0-0290-8f15-99a9-6b2171392b79' },
          },
        },
      },
    },
    responses: { 202: answers.acceptedAnswer, ...answers.problems(400, 401, 403, 409, 413, 415, 422, 429, 503) },
  },
  {
    method: 'post',
    path: '/api/v1/requests/{id}/cancel',
    tags: ['Requests'],
    summary: 'Cancel a request',
    description:
      'What is not sent yet is not sent: everybody who was planned ends as skipped(cancelled), who was not planned yet is ' +
      'not counted. Within about two seconds no more mail leaves. Again is the same: 202. It cannot be undone.',
    security,
    request: { params: id('request') },
    responses: { 202: answers.cancelledAnswer, ...answers.problems(401, 403, 404, 429, 503), ...answers.endedProblem },
  },
  {
    method: 'post',
    path: '/api/v1/feedback',
    tags: ['Feedback'],
    summary: 'Report bounces and complaints',
    description:
      'What mail servers and recipients say after a message was taken. A complaint, or a bounce for good (5.x.x or no ' +
      'status), suppresses the address: nothing at all is sent to it any more, until somebody lifts that. All of it is ' +
      'accepted or nothing. The same report again changes nothing, so it needs no Idempotency-Key.',
    security,
    request: {
      body: {
        required: true,
        content: { 'application/json': { schema: feedbackBody, examples: answers.feedbackExamples } },
      },
    },
    responses: { 202: answers.feedbackAnswer, ...answers.problems(400, 401, 403, 413, 415, 422, 429, 503) },
  },
];

const gets: RouteConfig[] = [
  {
    method: 'get',
    path: '/api/v1/requests/{id}',
    tags: ['Requests'],
    summary: 'How far a request is',
    description:
      'From the moment of the 202 on. `planned` is final once `planning_complete`; a request is `done` when ' +
      'planned = sent + failed + skipped + unknown. A cancelled one stays `cancelled`: it has ended when they are equal.',
    security,
    request: { params: id('request') },
    responses: {
      200: { description: 'Its state and numbers.', content: json(answers.requestStatus) },
      ...answers.problems(401, 403, 404, 429, 503),
    },
  },
  {
    method: 'get',
    path: '/api/v1/notifications',
    tags: ['Notifications'],
    summary: 'What a person, or the people of a request, got and did not get',
    description:
      "Give request_id, user_id or both. A person's come newest first, a request's in the order of their ids. Of a person the " +
      'first page begins with what is planned and has no row in the ledger yet (`state` planned, not counted by `limit`): where ' +
      'it was last seen, and what that stage waits for. Not seen is what the planner has not stored yet, and whom a category ' +
      'will add. Lists by person need the scope admin, unless a request of its own is named.',
    security,
    request: {
      query: z.object({
        request_id: z.uuid().optional(),
        user_id: z.string().optional(),
        state: z.enum(listedStates).optional().openapi({ description: 'planned with a user_id only.' }),
        after: z.string().optional().openapi({ description: 'The `next` of the page before.' }),
        limit: z.int().min(1).max(maxLimit).optional().openapi({ default: defaultLimit }),
      }),
    },
    responses: {
      200: { description: 'A page.', content: json(answers.notificationPage) },
      ...answers.problems(401, 403, 422, 429, 503),
    },
  },
  {
    method: 'get',
    path: '/api/v1/notifications/{id}',
    tags: ['Notifications'],
    summary: 'The journey of one message',
    description:
      'Every stage with its time, and how it ended. In the ledger once it has reached the dispatcher or ended.',
    security,
    request: { params: id('notification') },
    responses: {
      200: { description: 'Its journey.', content: json(answers.notification) },
      ...answers.problems(401, 403, 404, 429, 503),
    },
  },
];

export function createOpenApiDocument() {
  // Only its registry and generator are used: the routes themselves read bodies with limits of their own (routes.ts).
  const app = new OpenAPIHono();
  const registry = app.openAPIRegistry;
  registry.registerComponent('securitySchemes', 'apiKey', {
    type: 'http',
    scheme: 'bearer',
    description:
      'Your API key, such as ph_… Scopes: `send`, `read` (its own requests, and those that came by a topic), `cancel` (its own), `feedback`, `admin` (everything).',
  });
  for (const route of [...posts, ...gets]) registry.registerPath(route);
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Posthorn ingest',
      version: '1',
      license: { name: 'MIT' },
      description:
        'Takes notification requests over HTTP and tells what became of them. Faults are told all at once as ' +
        '`application/problem+json` (RFC 9457), each with its place.\n\n' +
        'To try it here, press Authorize and give an API key; `npm start` prints one.',
    },
    tags: [{ name: 'Requests' }, { name: 'Notifications' }, { name: 'Feedback' }],
  });
}
