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

/**
 * @param publicUrl of ingest as recipients reach it, without a slash at its end
 * @param requestId of the message that carries it, so that it is known what a mailing cost. It stands behind the token:
 *   a release that does not know of it reads the token all the same
 */
export function toUnsubscribeUrl(
  publicUrl: string,
  secret: string,
  subscription: Subscription,
  requestId: string,
): string {
  const token = toUnsubscribeToken(secret, subscription);
  const id = Buffer.from(requestId.replaceAll('-', ''), 'hex').toString('base64url');
  return `${publicUrl}/u/${token}?r=${id}.${toRequestMac(secret, token, requestId)}`;
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

/** @returns which request the link came with; undefined for one of before, and for whatever was not made with this secret */
export function readRequestOfLink(secret: string, token: string, r: string): string | undefined {
  const [, encoded = '', mac = ''] = /^([A-Za-z0-9_-]{22})\.([0-9a-f]{16})$/.exec(r) ?? [];
  if (mac === '') return undefined;
  const hex = Buffer.from(encoded, 'base64url').toString('hex');
  const requestId = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  return timingSafeEqual(Buffer.from(toRequestMac(secret, token, requestId)), Buffer.from(mac)) ? requestId : undefined;
}

/**
 * RFC 8058 and RFC 2369: mail programs show a button for these. The address stands on its field's line as a whole, for
 * folding is allowed at blanks only and an encoded word would not be read as an address.
 * @throws PermanentError('invalid_mail') for what is not a plain address
 */
export function toUnsubscribeHeaders(url: string): readonly (readonly [name: string, value: string])[] {
  // `=?` would begin an encoded word (RFC 2047).
  if (!/^https?:\/\/[A-Za-z0-9._~:/?#[\]@!$&'()*+;=%-]{1,800}$/.test(url) || url.includes('=?')) {
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

/** It only counts: half of what keeps the token is enough. */
function toRequestMac(secret: string, token: string, requestId: string): string {
  return createHmac('sha256', secret)
    .update(`posthorn unsubscribe request 1\n${token}\n${requestId}`)
    .digest('hex')
    .slice(0, 16);
}
