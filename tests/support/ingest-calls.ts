// Calls of ingest, and all that it refuses: what is posted, and what comes back.

export const register = '/api/v1/user_registration';

export interface Call {
  path?: string;
  headers?: Record<string, string>;
  body?: unknown;
}

export const event = (over: object = {}) => ({
  event: { template_id: 'monthly-statistics', user_ids: ['u1'], ...over },
});

/** A refusal: what is posted, the status and code, and the pointers (or names) of the faults in order. */
export type Refusal = [title: string, call: Call, status: number, code: string, places?: string[]];

/** Times are taken for at most five years ahead. */
export const nextYear = new Date().getUTCFullYear() + 1;
const pastAndFuture = { scheduled_at: `${nextYear + 1}-01-01T00:00:00Z`, expires_at: `${nextYear}-01-01T00:00:00Z` };
export const refusals: Refusal[] = [
  ['no API key', { headers: { authorization: '' }, body: event() }, 401, 'unauthorized'],
  ['a wrong API key', { headers: { authorization: `Bearer ph_${'x'.repeat(43)}` } }, 401, 'unauthorized'],
  ['another scheme', { headers: { authorization: 'Basic eDp5' } }, 401, 'unauthorized'],
  ['no content type', { headers: { 'content-type': '' }, body: '{}' }, 415, 'not_json'],
  ['a form', { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=b' }, 415, 'not_json'],
  ['a compressed body', { headers: { 'content-encoding': 'gzip' }, body: event() }, 415, 'not_json'],
  ['no body', { body: '' }, 400, 'malformed'],
  ['half a JSON text', { body: '{"event": {' }, 400, 'malformed'],
  ['a name twice', { body: '{"event": {}, "event": {}}' }, 400, 'malformed'],
  ['a body over 1 MiB', { body: `{"event": "${'x'.repeat(1024 * 1024)}"}` }, 413, 'too_large'],
  ['a list', { body: [] }, 422, 'invalid', ['']],
  ['null', { body: 'null' }, 422, 'invalid', ['']],
  ['no event', { body: {} }, 422, 'invalid', ['/event']],
  ['the event without its envelope', { body: event().event }, 422, 'invalid', ['/event', '/template_id', '/user_ids']],
  ['an event that is a list', { body: { event: [] } }, 422, 'invalid', ['/event']],
  ['an empty event', { body: { event: {} } }, 422, 'invalid', ['/event/template_id', '/event/user_ids']],
  ['nobody', { body: event({ user_ids: [] }) }, 422, 'invalid', ['/event/user_ids']],
  ['an unknown field', { body: event({ 'a/b~c': 1 }) }, 422, 'invalid', ['/event/a~1b~0c']],
  ['an unknown field outside', { body: { ...event(), x: 1 } }, 422, 'invalid', ['/x']],
  ['an unknown template', { body: event({ template_id: 'nope' }) }, 422, 'invalid', ['/event/template_id']],
  ['an archived template', { body: event({ template_id: 'gone' }) }, 422, 'invalid', ['/event/template_id']],
  ['an unknown old number', { body: event({ template_id: 8 }) }, 422, 'invalid', ['/event/template_id']],
  ['a template that is no name', { body: event({ template_id: 'a b' }) }, 422, 'invalid', ['/event/template_id']],
  ['a wrong priority', { body: event({ priority: 'urgent' }) }, 422, 'invalid', ['/event/priority']],
  ['a wrong is_promo', { body: event({ is_promo: 'yes' }) }, 422, 'invalid', ['/event/is_promo']],
  ['one wrong id', { body: event({ user_ids: ['a', 'b', 'c', 'd e'] }) }, 422, 'invalid', ['/event/user_ids/3']],
  ['an id with a NUL', { body: event({ user_ids: ['a\u0000'] }) }, 422, 'invalid', ['/event/user_ids/0']],
  ['a number as id', { body: event({ user_ids: [3] }) }, 422, 'invalid', ['/event/user_ids/0']],
  ['10,001 ids', { body: event({ user_ids: Array(10_001).fill('a') }) }, 422, 'invalid', ['/event/user_ids']],
  [
    '101 categories',
    { body: event({ user_categories: Array(101).fill('vip') }) },
    422,
    'invalid',
    ['/event/user_categories'],
  ],
  [
    'an unknown category',
    { body: event({ user_categories: ['vip', 'nope'] }) },
    422,
    'invalid',
    ['/event/user_categories/1'],
  ],
  [
    'a time without zone',
    { body: event({ scheduled_at: `${nextYear}-01-01T00:00:00` }) },
    422,
    'invalid',
    ['/event/scheduled_at'],
  ],
  [
    'a day that is none',
    { body: event({ expires_at: `${nextYear}-02-30T00:00:00Z` }) },
    422,
    'invalid',
    ['/event/expires_at'],
  ],
  ['a time as number', { body: event({ expires_at: 2 ** 40 }) }, 422, 'invalid', ['/event/expires_at']],
  ['expired already', { body: event({ expires_at: '2020-01-01T00:00:00Z' }) }, 422, 'invalid', ['/event/expires_at']],
  [
    'a schedule in 1970',
    { body: event({ scheduled_at: '1970-01-21T15:33:18Z' }) },
    422,
    'invalid',
    ['/event/scheduled_at'],
  ],
  [
    'a schedule in 9999',
    { body: event({ scheduled_at: '9999-12-31T00:00:00Z' }) },
    422,
    'invalid',
    ['/event/scheduled_at'],
  ],
  ['an expiry in 9999', { body: event({ expires_at: '9999-12-31T00:00:00Z' }) }, 422, 'invalid', ['/event/expires_at']],
  [
    'a number that would lose digits',
    {
      body: '{"event": {"template_id": "monthly-statistics", "user_ids": ["u1"], "context": {"order": 7615917337495251231}}}',
    },
    422,
    'invalid',
    ['/event/context/order'],
  ],
  ['expired before it is due', { body: event(pastAndFuture) }, 422, 'invalid', ['/event/expires_at']],
  ['a context that is a list', { body: event({ context: [] }) }, 422, 'invalid', ['/event/context']],
  ['a context over 64 kB', { body: event({ context: { a: 'x'.repeat(65_536) } }) }, 422, 'invalid', ['/event/context']],
  [
    '17 levels',
    { body: event({ context: JSON.parse('{"a":'.repeat(17) + 0 + '}'.repeat(17)) }) },
    422,
    'invalid',
    ['/event/context'],
  ],
  [
    '100,000 levels',
    {
      body: `{"event":{"template_id":"welcome","user_ids":["a"],"context":{"a":${'['.repeat(1e5)}${']'.repeat(1e5)}}}}`,
    },
    422,
    'invalid',
    ['/event/context'],
  ],
  [
    'a NUL in the context',
    { body: event({ context: { a: ['b', '\u0000'] } }) },
    422,
    'invalid',
    ['/event/context/a/1'],
  ],
  [
    'half a character in the context',
    { body: '{"event":{"template_id":"welcome","user_ids":["a"],"context":{"a":"\\ud800"}}}' },
    422,
    'invalid',
    ['/event/context/a'],
  ],
  [
    'a number beyond all in the context',
    { body: '{"event":{"template_id":"welcome","user_ids":["a"],"context":{"a":1e999}}}' },
    422,
    'invalid',
    ['/event/context/a'],
  ],
  [
    'an empty Idempotency-Key',
    { headers: { 'idempotency-key': ' ' }, body: event() },
    422,
    'invalid',
    ['Idempotency-Key'],
  ],
  [
    'a long Idempotency-Key',
    { headers: { 'idempotency-key': 'x'.repeat(256) }, body: event() },
    422,
    'invalid',
    ['Idempotency-Key'],
  ],
  [
    'a wrong user in the query',
    { path: `${register}?user_id=a%20b`, headers: { 'content-type': '' } },
    422,
    'invalid',
    ['user_id'],
  ],
  ['a parameter unknown', { path: `${register}?user=a`, headers: { 'content-type': '' } }, 422, 'invalid', ['user']],
  ['user_id in body and query', { path: `${register}?user_id=a`, body: { user_id: 'a' } }, 422, 'invalid', ['user_id']],
  ['neither body nor query', { path: register, headers: { 'content-type': '' } }, 400, 'malformed'],
  ['another path', { path: '/api/v1/nothing', body: '{}' }, 404, 'not_found'],
  ['another method', { path: '/api/v1/notifications', body: '{}' }, 405, 'method_not_allowed'],
];
