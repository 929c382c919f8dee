// Which messages carry an address to unsubscribe at, and which one. Pure.
import { toTestUnsubscribeUrl, toUnsubscribeUrl } from '../../content/unsubscribe.ts';
import type { NotificationEnriched } from '../../lib/events.ts';

type Event = Pick<NotificationEnriched, 'is_promo' | 'is_test' | 'channel' | 'user_id' | 'request_id'>;

/** @param publicUrl of ingest as recipients reach it, without a slash at its end */
export function createUnsubscribeUrls({ publicUrl, secret }: { publicUrl: string; secret: string }) {
  return ({ is_promo, is_test, channel, user_id: userId, request_id: requestId }: Event): string | null => {
    if (!is_promo || channel !== 'email') return null;
    if (is_test) return toTestUnsubscribeUrl(publicUrl);
    return toUnsubscribeUrl(publicUrl, secret, { userId, channel }, requestId);
  };
}

/** Mail programs post to https alone; on this machine, where nobody's mail program is, that does not matter. */
export function isOneClickable(publicUrl: string): boolean {
  const { protocol, hostname } = new URL(publicUrl);
  return protocol === 'https:' || /^(localhost|127\..*|\[::1\])$/.test(hostname);
}
