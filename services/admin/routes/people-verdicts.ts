// What may be sent to a person, for their page: the facts as domain/verdicts.ts wants them, its answers as the page shows them.
import { isBlank, readAddress } from '../../../content/address.ts';
import type { Channel } from '../../../domain/ids.ts';
import {
  describeObstacle,
  type KnownAddress,
  type KnownUser,
  type Obstacle,
  toVerdicts,
  type Verdict,
} from '../../../domain/verdicts.ts';
import type { ErasedRow, UnsubscribedRow } from '../queries/people-consent.ts';
import type { SuppressionRow } from '../queries/suppressions.ts';
import type { AskedPerson } from './people-person.ts';

const sources = {
  page: 'on the page behind a link in a message',
  one_click: 'by the button of the mail program',
  admin: 'by hand, in these pages',
};

/** One line of the page. */
export interface ShownVerdict {
  channel: Channel;
  isPromo: boolean;
  name: string;
  answer: Verdict['answer'];
  obstacles: { words: string; since: Date | undefined; why: string | undefined }[];
  /** Promotional messages can be ended and begun again by support. */
  isUnsubscribed: boolean;
}

export function toKnownUser(asked: AskedPerson): KnownUser {
  switch (asked.kind) {
    case 'known': {
      const { promo_agree: promoAgree, email, phone } = asked.user;
      return { kind: 'known', promoAgree, addresses: { email: toKnown('email', email), sms: toKnown('sms', phone) } };
    }
    case 'unusable':
      return { kind: 'unusable', fault: asked.fault };
    case 'unknown':
      return { kind: 'unknown' };
    case 'down':
      return { kind: 'down' };
  }
}

/** As the enricher reads it: messages go to the address so read, and suppressions are of that. */
function toKnown(channel: Channel, text: string | null): KnownAddress {
  if (text === null || isBlank(text)) return { kind: 'none' };
  const address = readAddress(channel, text);
  return address === undefined ? { kind: 'unreadable' } : { kind: 'address', address };
}

const whyErased = 'refused before whoever had this address was erased';

export function toShownVerdicts(
  user: KnownUser,
  unsubscribed: readonly UnsubscribedRow[],
  suppressions: readonly SuppressionRow[],
  erased: readonly ErasedRow[],
): ShownVerdict[] {
  const verdicts = toVerdicts({
    user,
    unsubscribed: unsubscribed.map(({ channel, created_at: since }) => ({ channel, since })),
    erasedAt: erased.find(({ subject }) => subject === 'person')?.erased_at,
    suppressions: [
      ...suppressions.map(({ created_at: since, detail, reason, ...row }) => ({
        ...row,
        since,
        why: detail || reason.replaceAll('_', ' '),
      })),
      ...erased.flatMap(({ subject, address, scope, erased_at: since }) =>
        subject === 'person' ? [] : [{ channel: subject, address, scope, since, why: whyErased }],
      ),
    ],
  });
  return verdicts.map(({ channel, isPromo, answer, obstacles }) => {
    const row = unsubscribed.find((one) => one.channel === channel);
    return {
      channel,
      isPromo,
      name: isPromo ? `Promotional ${channelName(channel)}` : channel === 'email' ? 'E-mail' : 'SMS',
      answer,
      obstacles: obstacles.map((obstacle) => ({
        words: describeObstacle(obstacle, channel),
        since: 'since' in obstacle ? obstacle.since : undefined,
        why: findWhy(obstacle, row),
      })),
      isUnsubscribed: row !== undefined,
    };
  });
}

function findWhy(obstacle: Obstacle, row: UnsubscribedRow | undefined): string | undefined {
  switch (obstacle.kind) {
    case 'unsubscribed':
      return row && sources[row.source];
    case 'suppressed':
      return obstacle.why;
    case 'bad_user_data':
      return obstacle.fault;
    case 'unknown_user':
    case 'erased':
    case 'no_consent':
    case 'no_address':
    case 'invalid_address':
      return undefined;
  }
}

export const channelName = (channel: Channel): string => (channel === 'email' ? 'e-mail' : 'SMS');
