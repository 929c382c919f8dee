// Whether a message would be sent to a person now: one answer for each channel and class, with everything that stands against
// it. For the page of a person; enricher and claim decide the same for each message (tests/verdicts.test.ts). Pure.
import type { Channel } from './ids.ts';

/** The enricher's and the claim's reasons that belong to the person, not to one message, in the order in which they ask. */
export type Obstacle =
  | { kind: 'unknown_user' }
  | { kind: 'bad_user_data'; fault: string }
  | { kind: 'erased'; since: Date }
  | { kind: 'no_consent' }
  | { kind: 'unsubscribed'; since: Date }
  | { kind: 'no_address' }
  | { kind: 'invalid_address' }
  | { kind: 'suppressed'; scope: 'all' | 'promotional'; since: Date; why: string };

export interface Verdict {
  channel: Channel;
  isPromo: boolean;
  /** not_known: nothing known stands against it, and the user service does not answer. */
  answer: 'yes' | 'no' | 'not_known';
  /** What stands against it, the first to be met first; empty unless the answer is no. */
  obstacles: Obstacle[];
}

/** What the user service says. */
export type KnownUser =
  | { kind: 'known'; promoAgree: boolean; addresses: Readonly<Record<Channel, KnownAddress>> }
  | { kind: 'unknown' }
  | { kind: 'unusable'; fault: string }
  | { kind: 'down' };

export type KnownAddress = { kind: 'none' } | { kind: 'unreadable' } | { kind: 'address'; address: string };

export interface PersonFacts {
  user: KnownUser;
  /** When `posthorn erase` took this id out. */
  erasedAt: Date | undefined;
  unsubscribed: readonly { channel: Channel; since: Date }[];
  /** Of whichever addresses; those that the person does not have now do not count. */
  suppressions: readonly Suppression[];
}

export interface Suppression {
  channel: Channel;
  /** In lower case. */
  address: string;
  scope: 'all' | 'promotional';
  since: Date;
  why: string;
}

/** What is not promotional first, for each channel. */
export function toVerdicts(facts: PersonFacts): Verdict[] {
  return (['email', 'sms'] as const).flatMap((channel) =>
    [false, true].map((isPromo) => toVerdict(facts, channel, isPromo)),
  );
}

function toVerdict(facts: PersonFacts, channel: Channel, isPromo: boolean): Verdict {
  const obstacles = [...findRefusals(facts, channel, isPromo), ...findAddressObstacles(facts, channel, isPromo)];
  if (obstacles.length > 0) return { channel, isPromo, answer: 'no', obstacles };
  return { channel, isPromo, answer: facts.user.kind === 'down' ? 'not_known' : 'yes', obstacles };
}

function findRefusals({ user, erasedAt, unsubscribed }: PersonFacts, channel: Channel, isPromo: boolean): Obstacle[] {
  const found: Obstacle[] = [];
  if (user.kind === 'unknown') found.push({ kind: 'unknown_user' });
  if (user.kind === 'unusable') found.push({ kind: 'bad_user_data', fault: user.fault });
  if (erasedAt) found.push({ kind: 'erased', since: erasedAt });
  if (!isPromo) return found;
  if (user.kind === 'known' && !user.promoAgree) found.push({ kind: 'no_consent' });
  const ended = unsubscribed.find((one) => one.channel === channel);
  if (ended) found.push({ kind: 'unsubscribed', since: ended.since });
  return found;
}

function findAddressObstacles({ user, suppressions }: PersonFacts, channel: Channel, isPromo: boolean): Obstacle[] {
  if (user.kind !== 'known') return [];
  const known = user.addresses[channel];
  switch (known.kind) {
    case 'none':
      return [{ kind: 'no_address' }];
    case 'unreadable':
      return [{ kind: 'invalid_address' }];
    case 'address': {
      const address = known.address.toLowerCase();
      return suppressions
        .filter((one) => one.channel === channel && one.address === address && (isPromo || one.scope === 'all'))
        .map(({ scope, since, why }) => ({ kind: 'suppressed', scope, since, why }));
    }
  }
}

/** For people: a part of a sentence that begins with `no,`; a time that it is so since, and a cause, belong behind it. */
export function describeObstacle(obstacle: Obstacle, channel: Channel): string {
  switch (obstacle.kind) {
    case 'unknown_user':
      return 'the user service does not know this person';
    case 'bad_user_data':
      return 'what the user service says of this person cannot be used';
    case 'erased':
      return 'this person was erased (posthorn erase), and still asked for';
    case 'no_consent':
      return 'refused at the user service';
    case 'unsubscribed':
      return 'unsubscribed';
    case 'no_address':
      return `the user service has no ${addressName(channel)}`;
    case 'invalid_address':
      return `what the user service has as the ${addressName(channel)} is not one`;
    case 'suppressed':
      return obstacle.scope === 'all' ? 'suppressed for everything' : 'suppressed for everything promotional';
  }
}

const addressName = (channel: Channel): string => (channel === 'email' ? 'e-mail address' : 'phone number');
