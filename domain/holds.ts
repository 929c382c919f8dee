// What a hold is: something that must not be sent for now, though nothing of it is cancelled. Pure; the same rule in SQL
// stands in lib/holds/covers.ts.
import type { Channel } from './ids.ts';

/** Scopes that cover more than one request. */
export const sharedScopes = ['template', 'channel', 'promotional', 'lane'] as const;
export const holdScopes = ['request', ...sharedScopes] as const;
export type SharedScope = (typeof sharedScopes)[number];
export type HoldScope = (typeof holdScopes)[number];

/** What a hold covers. */
export interface HoldTarget {
  scope: HoldScope;
  /** A request id; a template id; `email` or `sms`; empty for promotional; `<priority>/<channel>` for a lane. */
  subject: string;
}

/** What is asked of a message, or of a request, to tell whether a hold covers it. */
export interface Holdable {
  templateId: string;
  channel: Channel;
  priority: string;
  isPromo: boolean;
  /** A test goes to the person who asked for it, so that a held template can be mended and tried. */
  isTest: boolean;
}

/** The author of holds that Posthorn places by itself. */
export const guardAuthor = 'guard';
/** Who lifts a hold whose end has come. */
export const liftedByEnd = 'end';

export function laneOf(priority: string, channel: Channel): string {
  return `${priority}/${channel}`;
}

export function covers(
  { scope, subject }: { scope: SharedScope; subject: string },
  { templateId, channel, priority, isPromo, isTest }: Holdable,
): boolean {
  switch (scope) {
    case 'template':
      return !isTest && subject === templateId;
    case 'channel':
      return subject === channel;
    case 'promotional':
      return !isTest && isPromo;
    case 'lane':
      return subject === laneOf(priority, channel);
  }
}

export type AuthorKind = 'person' | 'command' | 'guard';

export function authorKind(author: string): AuthorKind {
  if (author === guardAuthor) return 'guard';
  return author.startsWith('cli:') ? 'command' : 'person';
}

const channels: readonly string[] = ['email', 'sms'];
const lanes = ['high', 'medium', 'low'].flatMap((priority) => channels.map((channel) => `${priority}/${channel}`));

/** @returns the subjects of a scope where they are few and known; undefined where a subject is an id */
export function subjectsOf(scope: HoldScope): readonly string[] | undefined {
  switch (scope) {
    case 'request':
    case 'template':
      return undefined;
    case 'channel':
      return channels;
    case 'promotional':
      return [''];
    case 'lane':
      return lanes;
  }
}

/** For people: what a hold covers, as the object of a sentence. */
export function describeTarget({ scope, subject }: HoldTarget): string {
  switch (scope) {
    case 'request':
      return `request ${subject}`;
    case 'template':
      return `template ${subject}`;
    case 'channel':
      return subject === 'sms' ? 'all SMS' : 'all e-mail';
    case 'promotional':
      return 'all promotional messages';
    case 'lane': {
      const [priority, channel] = subject.split('/');
      return `${channel === 'sms' ? 'SMS' : 'e-mail'} of ${priority} priority`;
    }
  }
}
