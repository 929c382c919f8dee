// The SMS gateway over HTTP: takes messages as a provider would and shows them instead of sending them.
import { type Context, Hono, type MiddlewareHandler } from 'hono';
import { z } from 'zod';
import { describeFaults, readJson, refuse } from './refusal.ts';
import { renderInbox } from './sms-inbox-page.ts';
import { countSmsParts } from './sms-parts.ts';
import type { SmsStore } from './sms-store.ts';

const PAGE_MESSAGES = 100;
const PART_LIMIT = 10;

const smsSchema = z.strictObject({
  // E.164: a plus, then 7 to 15 digits of which the first is not 0.
  to: z.string().regex(/^\+[1-9]\d{6,14}$/, 'is not a phone number in E.164 form, such as +999550000042'),
  text: z
    .string()
    .min(1, 'is empty')
    .max(1_600, 'is longer than 1,600 characters')
    .refine((text) => countSmsParts(text).count <= PART_LIMIT, `needs more than ${PART_LIMIT} parts`),
  idempotency_key: z.string().min(1).max(255),
});

const listSchema = z.strictObject({
  to: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(10_000).default(PAGE_MESSAGES),
});

/** @param guards what stands before POST /sms: the token and the faults */
export function createSmsRoutes(store: SmsStore, guards: [MiddlewareHandler, MiddlewareHandler]): Hono {
  return new Hono()
    .post('/sms', ...guards, (c) => acceptSms(c, store))
    .get('/sms/messages', (c) => {
      const query = listSchema.safeParse(c.req.query());
      if (!query.success) return refuse(c, 422, 'bad_query', describeFaults(query.error));
      return c.json({ messages: store.list(query.data), ...store.counts() });
    })
    .delete('/sms/messages', (c) => c.json({ deleted: store.clear() }))
    .get('/sms', (c) => {
      // A form that was left empty sends "to=": everybody's messages then.
      const to = c.req.query('to')?.trim() || undefined;
      return c.html(renderInbox({ messages: store.list({ to, limit: PAGE_MESSAGES }), to, ...store.counts() }));
    });
}

async function acceptSms(c: Context, store: SmsStore): Promise<Response> {
  const body = await readJson(c);
  if (body === undefined) return refuse(c, 400, 'not_json', 'The body is not JSON.');
  const parsed = smsSchema.safeParse(body);
  if (!parsed.success) return refuse(c, 422, 'bad_message', describeFaults(parsed.error));
  const { id } = store.accept(parsed.data);
  return c.json({ id, status: 'accepted' }, 202);
}
