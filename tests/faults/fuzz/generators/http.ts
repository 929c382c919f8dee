// Calls of HTTP routes: paths with anything in the place of their parameters, queries, headers, and bodies of every kind.
import fc, { type Arbitrary } from 'fast-check';
import { anyText, longText, oddJson, oddText } from './texts.ts';

export interface Route {
  method: string;
  /** As hono writes it: `/templates/:id`. */
  path: string;
}

export interface Call {
  route: Route;
  method: string;
  segments: string[];
  query: [string, string][];
  headers: [string, string][];
  contentType: string;
  isAuthorized: boolean;
  body: string | null;
}

const mib = 1024 * 1024;
const fieldNames = [
  'event',
  'title',
  'template_id',
  'name',
  'password',
  'subject',
  'html',
  'text',
  'context',
  'user_ids',
  'to',
  'q',
  'search',
  'roles',
  'at',
  'scheduled_at',
  'channel',
  'kind',
  'priority',
  'state',
  'after',
  'limit',
  'address',
  'reason',
  'from',
  'until',
  'since',
  'rate',
  'request_id',
  'user_id',
  'answer_contains',
  'recipient_domain',
  'type',
  'status',
  'List-Unsubscribe',
  'scope',
  '_csrf',
  'page',
  'version',
  '__proto__',
  '',
] as const;
const fieldName = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...fieldNames) }, { weight: 1, arbitrary: oddText });
const fieldValue = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      '1',
      '-1',
      '0',
      '500',
      '2026-12-01T09:00:00Z',
      '9999-99-99',
      'email',
      'sms',
      'high',
      'welcome',
      'on',
      'sent',
    ),
  },
  { weight: 2, arbitrary: fc.uuid() },
  { weight: 6, arbitrary: anyText(4_000, 20) },
);

const event = fc.record(
  {
    template_id: fc.oneof(fc.constantFrom('welcome', 'monthly-statistics', 'new-episode', 'fault-resend'), oddText),
    user_ids: fc.oneof(fc.array(fc.oneof(fc.uuid(), oddText), { maxLength: 5 }), oddJson),
    user_categories: fc.oneof(fc.constant([]), fc.array(oddText, { maxLength: 3 })),
    context: fc.oneof(oddJson, fc.dictionary(oddText, oddJson, { maxKeys: 4 })),
    is_promo: fc.oneof(fc.boolean(), oddJson),
    priority: fc.oneof(fc.constantFrom('high', 'medium', 'low'), oddText),
    scheduled_at: fc.oneof(
      fc.constantFrom('2026-12-01T09:00:00Z', '2026-12-01', '+275760-09-13', 'now', '0000-00-00T00:00:00Z'),
      oddJson,
    ),
    expires_at: fc.oneof(fc.constantFrom('2030-01-01T00:00:00Z', '1969-12-31T23:59:59.999-23:59'), oddJson),
  },
  { requiredKeys: [] },
);
const report = fc.record(
  {
    type: fc.oneof(fc.constantFrom('bounce', 'complaint'), oddText),
    address: oddText,
    notification_id: oddText,
    status: oddText,
    at: oddText,
  },
  { requiredKeys: [] },
);
const jsonBody = fc.oneof(
  { weight: 5, arbitrary: event.map((one) => JSON.stringify({ event: one })) },
  { weight: 2, arbitrary: fc.array(report, { maxLength: 4 }).map((list) => JSON.stringify(list)) },
  { weight: 2, arbitrary: oddJson.map((value) => JSON.stringify(value)) },
  { weight: 1, arbitrary: oddText },
);
const formBody = fc
  .array(fc.tuple(fieldName, fieldValue), { maxLength: 12 })
  .map((fields) => fields.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&'));
const multipartBody = fc
  .array(fc.tuple(fieldName, fieldValue), { maxLength: 4 })
  .map(
    (fields) =>
      `${fields.map(([name, value]) => `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`).join('')}--b--\r\n`,
  );
/** One piece again and again, up to twice what any route takes. */
const hugeBody = fc
  .tuple(
    fc.constantFrom(
      'a&',
      'a=1&',
      'a&',
      'a=%&',
      '%',
      '+',
      '[',
      '{"a":',
      '"',
      'e\u0301',
      '\u0301',
      ',',
      '\n',
      ';',
      '--b\r\n',
      'user_id\n',
      '<b>',
      '{{',
    ),
    longText(2 * mib),
  )
  .map(([piece, { length }]) => piece.repeat(Math.ceil(length / piece.length)));

const bodies: Arbitrary<{ contentType: string; body: string | null }> = fc.oneof(
  { weight: 6, arbitrary: jsonBody.map((body) => ({ contentType: 'application/json', body })) },
  { weight: 8, arbitrary: formBody.map((body) => ({ contentType: 'application/x-www-form-urlencoded', body })) },
  { weight: 2, arbitrary: multipartBody.map((body) => ({ contentType: 'multipart/form-data; boundary=b', body })) },
  { weight: 1, arbitrary: fieldValue.map((body) => ({ contentType: 'text/csv', body })) },
  { weight: 1, arbitrary: fc.tuple(oddText, oddText).map(([contentType, body]) => ({ contentType, body })) },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        fc.constantFrom(
          'application/json',
          'application/x-www-form-urlencoded',
          'application/x-www-form-urlencoded',
          'text/csv',
          'multipart/form-data; boundary=b',
        ),
        hugeBody,
      )
      .map(([contentType, body]) => ({ contentType, body })),
  },
  { weight: 4, arbitrary: fc.constant({ contentType: '', body: null }) },
);
const headers = fc.array(
  fc.tuple(
    fc.constantFrom(
      'idempotency-key',
      'traceparent',
      'cookie',
      'x-forwarded-for',
      'origin',
      'accept',
      'accept-language',
      'if-none-match',
      'range',
      'authorization',
      'x-csrf-token',
      'sec-fetch-site',
      'last-event-id',
      'content-encoding',
    ),
    anyText(12_000, 12),
  ),
  { maxLength: 2 },
);

export function calls(routes: readonly Route[]): Arbitrary<Call> {
  return fc
    .record({
      route: fc.constantFrom(...routes),
      otherMethod: fc.constantFrom(...Array<''>(30).fill(''), 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'POST', 'GET'),
      segments: fc.array(
        fc.oneof(fc.uuid(), fc.constantFrom('welcome', '1', 'new', 'high', '..', '%00', '%', '%ff'), fieldValue),
        { minLength: 3, maxLength: 3 },
      ),
      query: fc.oneof(
        { weight: 2, arbitrary: fc.constant([]) },
        { weight: 1, arbitrary: fc.array(fc.tuple(fieldName, fieldValue), { maxLength: 5 }) },
      ),
      headers: fc.oneof({ weight: 3, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: headers }),
      isAuthorized: fc.constantFrom(true, true, true, true, false),
      body: bodies,
    })
    .map(({ route, otherMethod, query, headers: own, body, ...rest }) => {
      const method = otherMethod || route.method;
      const hasBody = method !== 'GET' && method !== 'HEAD';
      return {
        ...rest,
        route,
        method,
        query: query as [string, string][],
        headers: own as [string, string][],
        contentType: body.contentType,
        body: hasBody ? body.body : null,
      };
    });
}

/** @returns the path with something in the place of each parameter, and the query */
export function toPath({ route, segments, query }: Call): string {
  let at = 0;
  const path = route.path
    .split('/')
    .map((part) => (/^:|\*/.test(part) ? encode(segments[at++ % segments.length] ?? 'x').slice(0, 6_000) || 'x' : part))
    .join('/');
  const text = query.map(([name, value]) => `${encode(name)}=${encode(value)}`).join('&');
  return `${path}${text === '' ? '' : `?${text.slice(0, 12_000)}`}`;
}

/** What Node lets through as a header's value. */
export const toHeader = (text: string): string => text.replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, '?');

function encode(text: string): string {
  return /^%(00|ff)?$|^\.\.$/.test(text) ? text : encodeURIComponent(text.toWellFormed());
}
