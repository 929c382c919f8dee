// The address under which a person ends promotional messages: made by the renderer, read by ingest, which serves it. It
// needs no log-in and no table: whoever has the link may do this one thing for this one person and channel, for ever.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { type Channel, isUserId } from '../domain/ids.ts';
import { PermanentError } from '../lib/errors.ts';

/** Who wants no more, and over which channel. */
export interface Subscription {
  userId: string;
  channel: Channel;
}

/** In place of a person's token in test-sends and previews: the page says so, and nothing changes. */
export const testToken = 'test';

const channels: readonly Channel[] = ['email', 'sms'];
/** 128 bits of HMAC-SHA-256: as hexadecimal digits no program that finds links in plain text cuts the last one off. */
const macChars = 32;
const tokenForm = /^([A-Za-z0-9_-]{2,88})\.([0-9a-f]{32})$/;

/** @param publicUrl of ingest as recipients reach it, without a slash at its end */
export function toUnsubscribeUrl(publicUrl: string, secret: string, subscription: Subscription): string {
  return `${publicUrl}/u/${toUnsubscribeToken(secret, subscription)}`;
}

export function toTestUnsubscribeUrl(publicUrl: string): string {
  return `${publicUrl}/u/${testToken}`;
}

export function toUnsubscribeToken(secret: string, subscription: Subscription): string {
  return `${Buffer.from(subscription.userId).toString('base64url')}.${toMac(secret, subscription)}`;
}

/** @returns undefined for whatever was not made with this secret */
export function readUnsubscribeToken(secret: string, token: string): Subscription | undefined {
  const [, encoded = '', mac = ''] = tokenForm.exec(token) ?? [];
  const userId = Buffer.from(encoded, 'base64url').toString();
  if (!isUserId(userId)) return undefined;
  const given = Buffer.from(mac);
  const channel = channels.find((one) => timingSafeEqual(Buffer.from(toMac(secret, { userId, channel: one })), given));
  return channel && { userId, channel };
}

/**
 * RFC 8058 and RFC 2369: mail programs show a button for these. The address stands on its field's line as a whole, for
 * folding is allowed at blanks only and an encoded word would not be read as an address.
 * @throws PermanentError('invalid_mail') for what is not a plain address
 */
export function toUnsubscribeHeaders(url: string): readonly (readonly [name: string, value: string])[] {
  if (!/^https?:\/\/[A-Za-z0-9._~:/?#[\]@!$&'()*+;%-]{1,800}$/.test(url)) {
    throw new PermanentError('invalid_mail', 'unsubscribe_url is not an address that can stand in a header');
  }
  return [
    ['List-Unsubscribe', `<${url}>`],
    ['List-Unsubscribe-Post', 'List-Unsubscribe=One-Click'],
  ];
}

function toMac(secret: string, { userId, channel }: Subscription): string {
  const text = `posthorn unsubscribe 1\n${channel}\n${userId}`;
  return createHmac('sha256', secret).update(text).digest('hex').slice(0, macChars);
}
