// /people: one search field for whatever support has in hand: a user id, an address, the id of a notification or request.
import { readEmailAddress, readPhoneNumber } from '../../../content/address.ts';
import { type Channel, isUserId, isUuid } from '../../../domain/ids.ts';
import { findPeopleByHash } from '../../../lib/known-addresses.ts';
import { maskAddress } from '../../../lib/masked-address.ts';
import { findPlanned } from '../../../lib/requests-of-person/find-planned.ts';
import { page } from '../page.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { fewPeople, findMailingTitle, findNotification, findRequest } from '../queries/notifications.ts';
import {
  findPeopleAtAddress,
  hasDeliveries,
  listDeliveriesOfRequest,
  type PersonAtAddress,
} from '../queries/people.ts';
import { queryText } from '../query.ts';
import { requireAbility } from '../roles.ts';
import { lookUpAddress } from './people-address.ts';
import { askForPerson } from './people-person.ts';

export function people(app: AdminApp, parts: Parts): void {
  app.get('/people', async (c) => {
    requireAbility(c, 'people');
    const wanted = queryText(c, 'q', 320);
    return wanted === '' ? page(c, parts, 'people/search', { title: 'People' }) : search(c, parts, wanted);
  });
}

/** What a text can be; it may be several things at once, for a user id may look like any of them. */
function readWanted(text: string) {
  const id = text.toLowerCase();
  const channel: Channel = text.includes('@') ? 'email' : 'sms';
  return {
    channel,
    address: channel === 'email' ? (readEmailAddress(text) ?? text) : readPhoneNumber(text),
    uuid: isUuid(id) ? id : undefined,
    userId: isUserId(text) ? text : undefined,
  };
}

async function search(c: AdminContext, parts: Parts, wanted: string): Promise<Response> {
  const { db } = parts;
  const { channel, address, uuid, userId } = readWanted(wanted);
  const [lookedUp, byHash, atAddress, notification, request, mailingTitle, hasRows] = await Promise.all([
    address === undefined ? undefined : lookUpAddress(parts, channel, wanted, address),
    address === undefined ? [] : findPeopleByHash(db, parts.config.secret, channel, address),
    address === undefined ? [] : findPeopleAtAddress(db, address),
    uuid === undefined ? undefined : findNotification(db, uuid),
    uuid === undefined ? undefined : findRequest(db, uuid),
    uuid === undefined ? undefined : findMailingTitle(db, uuid),
    userId === undefined ? false : hasDeliveries(db, userId),
  ]);
  if (notification) return c.redirect(`/notifications/${notification.notification_id}`, 303);
  const haveItNow = new Set(lookedUp?.kind === 'found' ? lookedUp.userIds : []);
  const addressees = new Set([...haveItNow, ...atAddress.map((found) => found.user_id), ...byHash]);
  const userIds = new Set(addressees);
  if (hasRows && userId !== undefined) userIds.add(userId);
  const [only] = userIds;
  if (userIds.size === 1 && only !== undefined && !request) return c.redirect(personPath(only), 303);

  // Nobody got anything under this id: then only the user service, or what is planned, can know it.
  const asked = userId === undefined || hasRows || request ? undefined : await askForPerson(parts, userId);
  if (asked && userId !== undefined && userIds.size === 0) {
    const isKnown = asked.kind === 'known' || (await findPlanned(db, userId)).planned.length > 0;
    if (isKnown) return c.redirect(personPath(userId), 303);
  }
  const data = {
    title: 'People',
    wanted,
    address,
    uuid,
    userId,
    isDown: asked?.kind === 'down' ? asked.why : undefined,
    lookedUp,
    people: address === undefined ? [] : toShownPeople(channel, address, [...addressees], haveItNow, atAddress),
    request,
    mailingTitle,
    deliveries: request ? await listForRequest(parts, request.request_id) : [],
  };
  const isFound = userIds.size > 0 || request !== undefined || mailingTitle !== undefined;
  return page(c, parts, 'people/search', { ...data, isNothing: !isFound }, isFound ? 200 : 404);
}

/** Who has the address now comes first; of the others it is said when they were last written to there. */
function toShownPeople(
  channel: Channel,
  address: string,
  userIds: readonly string[],
  haveItNow: ReadonlySet<string>,
  atAddress: readonly PersonAtAddress[],
) {
  const written = new Map(atAddress.map((found) => [found.user_id, found]));
  return userIds.map((user_id) => ({
    ...(written.get(user_id) ?? { channel, last_at: null, only_tests: false }),
    user_id,
    address: maskAddress(address),
    hasItNow: haveItNow.has(user_id),
  }));
}

async function listForRequest({ db }: Parts, requestId: string) {
  const rows = await listDeliveriesOfRequest(db, requestId, fewPeople);
  return rows.map((row) => ({ ...row, address: row.address === null ? null : maskAddress(row.address) }));
}

const personPath = (userId: string): string => `/people/${encodeURIComponent(userId)}`;
