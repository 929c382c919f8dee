// The decision at the door: what was posted becomes a request, or every fault in it is named at once. No I/O.
import { hash } from 'node:crypto';
import type { z } from '@hono/zod-openapi';
import { findContextFaults, isTooLong, toCanonicalJson } from '../../domain/context.ts';
import { type LossyNumber, toPointer } from '../../domain/json-text.ts';
import { findTimeFaults } from '../../domain/request-times.ts';
import type { NotificationRequested } from '../../lib/events.ts';
import { type Event, readableParts, sendNotificationBody, userRegistrationBody } from './event-schema.ts';
import type { Fault } from './problem.ts';

/** What is so at the moment, as far as it is known; what is not known is not judged. */
export interface Facts {
  nowMs: number;
  /** Names and old numbers of the templates in use. */
  templateIds: ReadonlySet<string> | undefined;
  categories: ReadonlySet<string> | undefined;
}

/** Everything of the record but its id and its time, which are the store's to say. */
export type Draft = Omit<NotificationRequested, 'request_id' | 'requested_at'>;

export type Accepted =
  | { ok: true; draft: Draft; bodyHash: Buffer }
  /** `outdated`: a fault that newer facts, or an earlier answer to the same request, may take away. */
  | { ok: false; faults: Fault[]; outdated?: { draft: Draft; bodyHash: Buffer } };

/**
 * POST /api/v1/send_notification.
 * @param body as JSON.parse gave it
 * @param lossyNumbers numbers of the body's text that the parsed body does not hold exactly
 */
export function acceptNotification(body: unknown, facts: Facts, lossyNumbers: readonly LossyNumber[] = []): Accepted {
  const read = sendNotificationBody.safeParse(body);
  const lost = lossyNumbers.map(({ path, detail }) => ({ pointer: toPointer(path), detail }));
  if (!read.success) return { ok: false, faults: [...toFaults(read.error, body), ...findFaultsBesides(body), ...lost] };
  const event = read.data.event;
  const faults = [...findContentFaults(event), ...lost];
  const context = faults.length > 0 ? '{}' : toCanonicalJson(event.context);
  if (isTooLong(context)) faults.push({ pointer: inEvent('context'), detail: 'may have at most 64 kB as JSON text' });
  return decide(toDraft(event, context), faults, facts, inEvent);
}

/** POST /api/v1/user_registration: the welcome template, at once. @param body as JSON.parse gave it */
export function acceptRegistration(body: unknown, facts: Facts): Accepted {
  const read = userRegistrationBody.safeParse(body);
  if (!read.success) return { ok: false, faults: toFaults(read.error, body) };
  const draft: Draft = {
    template_id: 'welcome',
    priority: 'high',
    is_promo: false,
    user_ids: [read.data.user_id],
    user_categories: [],
    context: '{}',
    scheduled_at: null,
    expires_at: null,
    test: null,
  };
  return decide(draft, [], facts, () => '');
}

export function toRecord(draft: Draft, requestId: string, requestedAtMs: number): NotificationRequested {
  return { request_id: requestId, ...draft, requested_at: requestedAtMs };
}

/** One person's requests share a key, so that they keep their order. */
export function toRecordKey(record: NotificationRequested): string {
  const [person, another] = record.user_ids;
  return person !== undefined && another === undefined && record.user_categories.length === 0
    ? person
    : record.request_id;
}

function toDraft(event: Event, context: string): Draft {
  return {
    template_id: event.template_id,
    priority: event.priority,
    is_promo: event.is_promo,
    user_ids: [...new Set(event.user_ids)],
    user_categories: [...new Set(event.user_categories)],
    context,
    scheduled_at: event.scheduled_at ?? null,
    expires_at: event.expires_at ?? null,
    test: null,
  };
}

type Parts = { context: Event['context']; user_ids: readonly unknown[]; user_categories: readonly unknown[] };

const inEvent = (...path: PropertyKey[]) => toPointer(['event', ...path]);

function findContentFaults({ context, user_ids, user_categories }: Parts): Fault[] {
  const faults: Fault[] = findContextFaults(context).map(({ path, detail }) => ({
    pointer: inEvent('context', ...path),
    detail,
  }));
  if (user_ids.length === 0 && user_categories.length === 0) {
    faults.push({
      pointer: inEvent('user_ids'),
      detail: 'name at least one person here, or a category in user_categories',
    });
  }
  return faults;
}

/** A shape that is wrong in one field must not hide what is wrong in the content of the others. */
function findFaultsBesides(body: unknown): Fault[] {
  const readable = readableParts.safeParse(body);
  return readable.success ? findContentFaults(readable.data.event) : [];
}

/** Adds what depends on the facts. Only when nothing else is wrong may an earlier answer outweigh them. */
function decide(draft: Draft, faults: Fault[], facts: Facts, at: (...path: PropertyKey[]) => string): Accepted {
  const outdated: Fault[] = [];
  const { scheduled_at: scheduledAt, expires_at: expiresAt } = draft;
  const timeFaults = findTimeFaults({ requestedAt: facts.nowMs, scheduledAt, expiresAt });
  for (const { field, detail, dependsOnNow } of timeFaults) {
    (dependsOnNow ? outdated : faults).push({ pointer: at(field), detail });
  }
  if (facts.templateIds && !facts.templateIds.has(draft.template_id)) {
    outdated.push({ pointer: at('template_id'), detail: `there is no template "${draft.template_id}"` });
  }
  draft.user_categories.forEach((name, index) => {
    if (facts.categories && !facts.categories.has(name)) {
      outdated.push({ pointer: at('user_categories', index), detail: `the user service has no category "${name}"` });
    }
  });
  if (expiresAt !== null && expiresAt <= facts.nowMs && !timeFaults.some(({ field }) => field === 'expires_at')) {
    outdated.push({ pointer: at('expires_at'), detail: 'is in the past' });
  }
  const accepted = () => ({ draft, bodyHash: hashDraft(draft) });
  if (faults.length + outdated.length === 0) return { ok: true, ...accepted() };
  return {
    ok: false,
    faults: [...faults, ...outdated],
    ...(faults.length === 0 ? { outdated: accepted() } : {}),
  };
}

/**
 * A draft's members stand in one order always, and its context is canonical already. `test` is never set here and stays
 * out: a retry that comes after an upgrade must meet the hash that the release before it stored.
 */
function hashDraft({ test: _, ...asked }: Draft): Buffer {
  return hash('sha256', JSON.stringify(asked), 'buffer');
}

export function toFaults(error: z.ZodError, body: unknown): Fault[] {
  return error.issues.flatMap((issue): Fault[] => {
    if (issue.code !== 'unrecognized_keys') return [{ pointer: toPointer(issue.path), detail: issue.message }];
    return issue.keys.map((key) => ({ pointer: toPointer([...issue.path, key]), detail: explainUnknown(key, body) }));
  });
}

/** The commonest mistake is to leave the envelope out. */
function explainUnknown(key: string, body: unknown): string {
  const bare = typeof body === 'object' && body !== null && !('event' in body) && key === 'template_id';
  return bare ? 'belongs into "event": {"event": {"template_id": …}}' : 'there is no such field';
}
