// The enricher's decision: who of a chunk gets the message, and with which data. Pure.
import { isBlank, readAddress } from '../../content/address.ts';
import { examplePersonId, toExamplePerson } from '../../content/example-person.ts';
import { findCollector } from '../../content/kinds.ts';
import { type Channel, isUserId, notificationId } from '../../domain/ids.ts';
import type { Reason } from '../../domain/reasons.ts';
import { PermanentError } from '../../lib/errors.ts';
import type { ChunkPlanned, NotificationEnriched, NotificationOutcome } from '../../lib/events.ts';
import type { KnownAddress } from '../../lib/known-addresses.ts';
import { findRecordFault } from '../../lib/record-fault.ts';
import type { UnusableUser, User } from '../../lib/user-service.ts';

export interface Enrichment {
  enriched: NotificationEnriched[];
  outcomes: NotificationOutcome[];
}

type End =
  | { state: 'skipped'; reason: Reason<'skipped'>; detail?: string }
  | { state: 'failed'; reason: Reason<'failed'>; detail: string };

/** What is so about the people of a slice. */
export interface Facts {
  /** What the user service knows; people who are not in it do not exist. */
  users: ReadonlyMap<string, User | UnusableUser>;
  /** Who ended promotional messages here, as `toSubscriptionKey` writes them; asked for promotional chunks only. */
  unsubscribed: ReadonlySet<string>;
  /** Of the ids and addresses of these people, those that were erased, as `toErasedKey` writes them. */
  erased: ErasedScopes;
}

/** The user service answers for no more in one call, and refuses the whole call otherwise. */
const maxPeople = 1_000;

/**
 * What must not be asked for with the rest of a slice: the user service, or Postgres, would refuse all of them.
 * @returns why the chunk is refused, undefined when it is sound
 */
export function findChunkFault(chunk: ChunkPlanned): PermanentError | undefined {
  if (chunk.user_ids.length <= maxPeople) return findRecordFault(chunk);
  return new PermanentError('record_invalid', `${chunk.user_ids.length} people; ${maxPeople} are the most`);
}

/**
 * Every person of the chunk ends up in exactly one of the two lists.
 * @throws PermanentError('kind_unknown') when the template's kind is newer than this release
 */
export function enrich(chunk: ChunkPlanned, facts: Facts, now: number): Enrichment {
  const collector = findCollector(chunk.template_kind);
  if (!collector)
    throw new PermanentError(
      'kind_unknown',
      `this release has no collector for templates of kind '${chunk.template_kind}'`,
    );

  const example = isOfExamplePerson(chunk) ? toExamplePerson(collector) : undefined;
  const result: Enrichment = { enriched: [], outcomes: [] };
  for (const userId of chunk.user_ids) {
    const user = example?.user ?? facts.users.get(userId);
    const address = user && !('fault' in user) ? addressOf(chunk, user) : undefined;
    const end = findEnd(chunk, user, address, facts, now);
    if (end) {
      result.outcomes.push(toOutcome(chunk, userId, end, now));
    } else if (user && !('fault' in user) && address !== undefined) {
      const collected = example?.collected ?? collector.collect(user);
      result.enriched.push(toEnriched(chunk, user, address, JSON.stringify(collected), now));
    }
  }
  return result;
}

/**
 * Addresses of people who end here although an address of theirs is known: the ledger will not have it. A test goes to somebody
 * else's.
 */
export function listAddressesOfEnded(chunk: ChunkPlanned, facts: Facts, now: number): KnownAddress[] {
  if (chunk.test_address !== null) return [];
  return chunk.user_ids.flatMap((userId) => {
    const user = facts.users.get(userId);
    if (!user || 'fault' in user) return [];
    const address = addressOf(chunk, user);
    if (address === '' || !findEnd(chunk, user, address, facts, now)) return [];
    const { channel } = chunk;
    return [{ channel, userId, address: address ?? ((channel === 'email' ? user.email : user.phone) ?? '').trim() }];
  });
}

/** The outcomes for a chunk that cannot be handled at all: of everybody whose outcome the ledger can hold. */
export function failChunk(
  chunk: ChunkPlanned,
  error: { code: string; message: string },
  now: number,
): NotificationOutcome[] {
  const end: End = {
    state: 'failed',
    reason: error.code === 'too_large' ? 'too_large' : 'dead_lettered',
    detail: error.message,
  };
  if (findRecordFault({ ...chunk, user_ids: [] })) return [];
  return chunk.user_ids.filter(isUserId).map((userId) => toOutcome(chunk, userId, end, now));
}

export function toSubscriptionKey(channel: Channel, userId: string): string {
  return `${channel} ${userId}`;
}

/** A test by somebody who may not see people's data (content/example-person.ts); the planner has checked that it was asked for. */
export function isOfExamplePerson(chunk: Pick<ChunkPlanned, 'user_ids' | 'test_address'>): boolean {
  return chunk.test_address !== null && chunk.user_ids.length === 1 && chunk.user_ids[0] === examplePersonId;
}

/** What is not sent to whom, by `toErasedKey`. */
export type ErasedScopes = ReadonlyMap<string, 'all' | 'promotional'>;

/** @param value a user id; or an address, as content/address.ts reads it */
export function toErasedKey(subject: 'person' | Channel, value: string): string {
  return `${subject} ${subject === 'person' ? value : value.toLowerCase()}`;
}

/** Whoever tests a message has asked for it, so the person's consent and address do not matter then. */
export function asksForConsent(chunk: Pick<ChunkPlanned, 'is_promo' | 'test_address'>): boolean {
  return chunk.is_promo && chunk.test_address === null;
}

function findEnd(
  chunk: ChunkPlanned,
  user: User | UnusableUser | undefined,
  address: string | undefined,
  { unsubscribed, erased }: Facts,
  now: number,
): End | undefined {
  if (chunk.expires_at !== null && chunk.expires_at <= now) return { state: 'skipped', reason: 'expired' };
  if (!user) return { state: 'skipped', reason: 'unknown_user' };
  if ('fault' in user)
    return {
      state: 'failed',
      reason: 'bad_user_data',
      detail: `the user service's answer breaks its contract at ${user.fault}`,
    };
  if (erased.has(toErasedKey('person', user.id))) return { state: 'skipped', reason: 'suppressed', detail: wasErased };
  if (asksForConsent(chunk)) {
    if (!user.promo_agree) return { state: 'skipped', reason: 'no_consent' };
    if (unsubscribed.has(toSubscriptionKey(chunk.channel, user.id)))
      return { state: 'skipped', reason: 'unsubscribed' };
  }
  if (address === '' && chunk.test_address === null) return { state: 'skipped', reason: 'no_address' };
  if (address) {
    const refused = chunk.test_address === null ? erased.get(toErasedKey(chunk.channel, address)) : undefined;
    const isKeptBack = refused === 'all' || (refused === 'promotional' && asksForConsent(chunk));
    return isKeptBack ? { state: 'skipped', reason: 'suppressed', detail: addressWasErased } : undefined;
  }
  const whose = chunk.test_address === null ? "the user service's" : 'the given';
  const what = chunk.channel === 'email' ? 'e-mail address' : 'phone number';
  return { state: 'failed', reason: 'invalid_address', detail: `${whose} ${what} is not one` };
}

const wasErased = 'this person was erased (posthorn erase), so nothing is sent to the id';
const addressWasErased = 'whoever had this address and was erased had refused this kind of message, or it did not work';

/** Of the user service, or of whoever tests. @returns '' where there is none, undefined where what there is is not one */
function addressOf(chunk: ChunkPlanned, user: User): string | undefined {
  const given = chunk.test_address ?? (chunk.channel === 'email' ? user.email : user.phone) ?? '';
  return isBlank(given) ? '' : readAddress(chunk.channel, given);
}

function toEnriched(
  chunk: ChunkPlanned,
  user: User,
  address: string,
  collected: string,
  now: number,
): NotificationEnriched {
  return {
    notification_id: notificationId(chunk.request_id, user.id, chunk.channel),
    request_id: chunk.request_id,
    chunk_id: chunk.chunk_id,
    user_id: user.id,
    priority: chunk.priority,
    channel: chunk.channel,
    template_id: chunk.template_id,
    template_version: chunk.template_version,
    is_promo: chunk.is_promo,
    on_no_answer: chunk.on_no_answer,
    address,
    first_name: user.first_name,
    last_name: user.last_name,
    collected,
    context: chunk.context,
    requested_at: chunk.requested_at,
    planned_at: chunk.planned_at,
    enriched_at: now,
    expires_at: chunk.expires_at,
    is_test: chunk.test_address !== null,
  };
}

function toOutcome(chunk: ChunkPlanned, userId: string, end: End, now: number): NotificationOutcome {
  return {
    notification_id: notificationId(chunk.request_id, userId, chunk.channel),
    request_id: chunk.request_id,
    chunk_id: chunk.chunk_id,
    user_id: userId,
    priority: chunk.priority,
    channel: chunk.channel,
    template_id: chunk.template_id,
    template_version: chunk.template_version,
    state: end.state,
    reason: end.reason,
    detail: end.detail ?? '',
    stage: 'enricher',
    attempt: 0,
    requested_at: chunk.requested_at,
    planned_at: chunk.planned_at,
    enriched_at: now,
    ended_at: now,
    is_test: chunk.test_address !== null,
  };
}
