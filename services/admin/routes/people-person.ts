// /people/<user id>: who it is, whether they are written to at all, and everything that they got or did not get and why.

import { type Channel, isUserId } from '../../../domain/ids.ts';
import { explainReason } from '../../../domain/reason-words.ts';
import type { KnownUser } from '../../../domain/verdicts.ts';
import { DependencyError } from '../../../lib/errors.ts';
import { listSharedHolds } from '../../../lib/holds/list-holds.ts';
import { findPlanned, type Planned } from '../../../lib/requests-of-person/find-planned.ts';
import type { User } from '../../../lib/user-service.ts';
import { writeAudit } from '../audit.ts';
import { readForm } from '../forms.ts';
import { done, page } from '../page.ts';
import { PageError } from '../page-error.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { type DeliveryRow, listDeliveriesOf, readCursor } from '../queries/people.ts';
import { findErased, findUnsubscribed, subscribeAgain, unsubscribe } from '../queries/people-consent.ts';
import { findSuppressions } from '../queries/suppressions.ts';
import { queryChoice, readQuery } from '../query.ts';
import { requireAbility } from '../roles.ts';
import { toShownHold } from '../shown-holds.ts';
import { toDuration } from '../view-filters.ts';
import { channelName, toKnownUser, toShownVerdicts } from './people-verdicts.ts';

const rowsAtATime = 50;
/** The page does not wait longer for the user service: what was sent matters more than the name. */
const askWithinMs = 2_000;
const filters = ['sent', 'failed', 'skipped', 'unknown', 'on_its_way'] as const;

export function person(app: AdminApp, parts: Parts): void {
  app.get('/people/:userId', (c) => show(c, parts));
  app.post('/people/:userId/consent', (c) => changeConsent(c, parts));
}

export type AskedPerson =
  | { kind: 'known'; user: User }
  | { kind: 'unusable'; fault: string }
  | { kind: 'unknown' }
  | { kind: 'down'; why: string };

/** Who it is, from the user service, now; that it is down is an answer as well. */
export async function askForPerson(parts: Pick<Parts, 'users'>, userId: string): Promise<AskedPerson> {
  try {
    const found = (await parts.users.fetchUsers([userId], AbortSignal.timeout(askWithinMs))).get(userId);
    if (!found) return { kind: 'unknown' };
    return 'fault' in found ? { kind: 'unusable', fault: found.fault } : { kind: 'known', user: found };
  } catch (error) {
    if (!(error instanceof DependencyError)) throw error;
    return { kind: 'down', why: error.message };
  }
}

async function show(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'people');
  const { db } = parts;
  const userId = readUserId(c);
  const state = queryChoice(c, 'state', filters);
  const after = readQuery(c, 'after', (text) => readCursor(text) && text);
  const [asked, { deliveries, next }, unsubscribed] = await Promise.all([
    askForPerson(parts, userId),
    listDeliveriesOf(db, userId, { state, after, limit: rowsAtATime }),
    findUnsubscribed(db, userId),
  ]);
  const isFirst = state === undefined && after === undefined;
  const isOnItsWay = after === undefined && (isFirst || state === 'on_its_way');
  const category = asked.kind === 'known' ? (asked.user.category ?? undefined) : undefined;
  const onItsWay = isOnItsWay ? await findPlanned(db, userId, { category }) : undefined;
  const isKnownHere = deliveries.length > 0 || unsubscribed.length > 0 || (onItsWay?.planned.length ?? 0) > 0;
  if (isFirst && asked.kind === 'unknown' && !isKnownHere) {
    return page(c, parts, 'people/search', { title: 'People', wanted: userId, userId, isNothing: true }, 404);
  }
  const known = toKnownUser(asked);
  const addresses = toAddresses(known, deliveries);
  const [suppressions, erased] = await Promise.all([
    findSuppressions(db, addresses),
    findErased(db, parts.config.secret, userId, addresses),
  ]);
  // Turning a page or choosing a filter is not another opening.
  if (isFirst) await writeAudit(db, c, 'person.opened', `person ${userId}`);
  const name = asked.kind === 'known' ? `${asked.user.first_name} ${asked.user.last_name}`.trim() : '';
  return page(c, parts, 'people/person', {
    title: name || `Person ${userId}`,
    userId,
    name,
    asked,
    user: asked.kind === 'known' ? asked.user : undefined,
    verdicts: toShownVerdicts(known, unsubscribed, suppressions, erased),
    suppressions,
    onHold: (await listSharedHolds(db)).map(toShownHold),
    onItsWay,
    lanes: onItsWay ? toLaneWords(parts, onItsWay.planned) : [],
    deliveries: deliveries.map((row) => ({ ...row, words: explainReason(row.reason) })),
    filters,
    state,
    isFirst,
    next: next && nextPath(userId, state, next),
  });
}

const readers = ['enricher', 'renderer', 'dispatcher'];

/** For each priority of what is in the topics: how many records wait before each stage, as last looked at. */
function toLaneWords({ lag }: Parts, planned: readonly Planned[]): string[] {
  const priorities = new Set(
    planned.filter(({ place }) => place.lastSeen.outcome === 'published').map(({ priority }) => priority),
  );
  return [...priorities].flatMap((priority) => {
    const lanes =
      lag.last()?.facts.lanes.filter(({ name, stage }) => name === priority && readers.includes(stage)) ?? [];
    const words = lanes.map((lane) => {
      const left = lane.leftMs === null ? '' : ` (about ${toDuration(lane.leftMs)})`;
      return `${lane.lag.toLocaleString('en-US')} before the ${lane.stage}${left}`;
    });
    return words.length === 0 ? [] : [`Of ${priority} priority wait now: ${words.join(', ')}.`];
  });
}

/** Those that the user service has now, and those that were written to lately. */
function toAddresses(user: KnownUser, deliveries: readonly DeliveryRow[]): { channel: Channel; address: string }[] {
  const found = deliveries.flatMap(({ channel, address, is_test }) =>
    address === null || is_test ? [] : [{ channel, address }],
  );
  if (user.kind !== 'known') return found;
  for (const channel of ['email', 'sms'] as const) {
    const known = user.addresses[channel];
    if (known.kind === 'address') found.push({ channel, address: known.address });
  }
  return found;
}

function nextPath(userId: string, state: string | undefined, next: string): string {
  const query = new URLSearchParams({ ...(state === undefined ? {} : { state }), after: next });
  return `/people/${encodeURIComponent(userId)}?${query}`;
}

async function changeConsent(c: AdminContext, parts: Parts): Promise<Response> {
  requireAbility(c, 'support');
  const { db } = parts;
  const userId = readUserId(c);
  const { fields } = await readForm(c);
  const channel = (['email', 'sms'] as const).find((one) => one === fields.channel);
  if (!channel || (fields.to !== 'unsubscribed' && fields.to !== 'subscribed')) {
    throw new PageError(422, 'Say which channel, and whether to unsubscribe or to subscribe again.');
  }
  const wants = fields.to === 'subscribed';
  const isChanged = await (wants ? subscribeAgain : unsubscribe)(db, userId, channel);
  if (isChanged) {
    await writeAudit(db, c, wants ? 'person.subscribed_again' : 'person.unsubscribed', `person ${userId}`, { channel });
  }
  const sentence = wants
    ? `Promotional ${channelName(channel)} may be sent to this person again.`
    : `No promotional ${channelName(channel)} is sent to this person any more.`;
  return done(c, `/people/${encodeURIComponent(userId)}`, isChanged ? sentence : `It was so already. ${sentence}`);
}

function readUserId(c: AdminContext): string {
  const userId = c.req.param('userId') ?? '';
  if (!isUserId(userId)) {
    throw new PageError(404, 'This is no user id: it has 1 to 64 letters, digits and . _ : -');
  }
  return userId;
}
