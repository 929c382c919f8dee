// The shape of what is posted, for judging (accept.ts) and for the documentation (openapi.ts) alike.
import { z } from '@hono/zod-openapi';
import { categoryRule, isCategoryName, maxCategories, maxUserIds } from '../../domain/audience.ts';
import { maxContextLevels } from '../../domain/context.ts';
import { isUserId } from '../../domain/ids.ts';
import { priorities } from '../../lib/topics.ts';

/** Says "is required" for what is missing, and the rule for everything else. */
const rule = (text: string) => ({
  error: (issue: { input?: unknown }) => (issue.input === undefined ? 'is required' : text),
});

const templateRule = 'must be a template\'s short name, such as "monthly-statistics", or its old number';
const userIdRule = 'must be 1 to 64 of A-Z a-z 0-9 . _ : -';
export const timeRule = 'must be a time with its zone as in RFC 3339, such as 2026-12-01T09:00:00Z';

const templateId = z
  .union(
    [z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, templateRule), z.int().min(0).max(2_147_483_647)],
    rule(templateRule),
  )
  .transform(String)
  .openapi({
    type: 'string',
    description: "The template's short name or, for templates imported from the old system, its old number.",
    example: 'monthly-statistics',
  });

const userId = z
  .string(rule(userIdRule))
  .refine(isUserId, userIdRule)
  .openapi({ description: "The person's id at the user service.", pattern: '^[A-Za-z0-9._:-]{1,64}$' });

const category = z
  .string(rule(categoryRule))
  .refine(isCategoryName, categoryRule)
  .openapi({ pattern: '^[\\p{L}\\p{N}._:-]{1,64}$' });

const time = (description: string, example: string) =>
  z
    .string(rule(timeRule))
    .refine(isTime, timeRule)
    .transform((text) => Date.parse(text))
    .nullish()
    .openapi({ type: ['string', 'null'], format: 'date-time', description, example });

export const eventSchema = z
  .strictObject(
    {
      is_promo: z.boolean(rule('must be true or false')).default(false).openapi({
        description:
          'Promotional: only for people who agreed to promotional messages. So is a template marked promotional.',
      }),
      priority: z
        .enum(priorities, rule('must be "high", "medium" or "low"'))
        .default('medium')
        .openapi({ description: 'Each priority has lanes of its own; a high one never waits behind the others.' }),
      template_id: templateId,
      user_ids: z
        .array(userId, rule('must be a list of user ids'))
        .max(maxUserIds, `may have at most ${maxUserIds.toLocaleString('en')} ids in one call`)
        .default([])
        .openapi({ description: 'People by id. United with user_categories; each person gets one message.' }),
      user_categories: z
        .array(category, rule('must be a list of categories'))
        .max(maxCategories, `may have at most ${maxCategories} categories in one call`)
        .default([])
        .openapi({ description: 'People by category of the user service.', example: ['active'] }),
      // Kept as it was parsed (z.record would copy it, and stumble over names such as __proto__).
      context: z
        .custom<Record<string, unknown>>(isPlainObject, 'must be an object')
        .default({})
        .openapi({
          type: 'object',
          description: `Variables for the template: at most 64 kB as JSON text and ${maxContextLevels} levels.`,
          example: { month: 'November' },
        }),
      scheduled_at: time('Not before this moment; at once when left out.', '2030-12-01T09:00:00Z'),
      expires_at: time('From this moment on it is no longer sent but ends as skipped.', '2030-12-02T09:00:00Z'),
    },
    rule('must be an object'),
  )
  .openapi('Event');

export const sendNotificationBody = z
  .strictObject({ event: eventSchema }, rule('must be an object with the member "event"'))
  .openapi('SendNotification');

/** What can still be judged in an event whose shape is wrong elsewhere; a list that is none counts as not empty. */
export const readableParts = z.object({
  event: z.object({
    user_ids: z.array(z.unknown()).default([]).catch([null]),
    user_categories: z.array(z.unknown()).default([]).catch([null]),
    context: z.custom<Record<string, unknown>>(isPlainObject).catch({}),
  }),
});

export const userRegistrationBody = z
  .strictObject({ user_id: userId }, rule('must be an object with the member "user_id"'))
  .openapi('UserRegistration');

export type Event = z.output<typeof eventSchema>;

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const isoTime = z.iso.datetime({ offset: true });
/** RFC 3339 section 5.6: with seconds and zone, and a day that its month has; from 1970 on. */
export function isTime(text: string): boolean {
  const upper = text.toUpperCase();
  return /T\d\d:\d\d:\d\d/.test(upper) && isoTime.safeParse(upper).success && Date.parse(upper) >= 0;
}
