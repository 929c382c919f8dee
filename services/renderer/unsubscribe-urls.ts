// Which messages carry an address to unsubscribe at, and which one. Pure.
import { toTestUnsubscribeUrl, toUnsubscribeUrl } from '../../content/unsubscribe.ts';
import type { NotificationEnriched } from '../../lib/events.ts';

type Event = Pick<NotificationEnriched, 'is_promo' | 'is_test' | 'channel' | 'user_id'>;

/** @param publicUrl of ingest as recipients reach it, without a slash at its end */
export function createUnsubscribeUrls({ publicUrl, secret }: { publicUrl: string; secret: string }) {
  return ({ is_promo, is_test, channel, user_id: userId }: Event): string | null => {
    if (!is_promo || channel !== 'email') return null;
    return is_test ? toTestUnsubscribeUrl(publicUrl) : toUnsubscribeUrl(publicUrl, secret, { userId, channel });
  };
}

/** Mail programs post to https alone; on this machine, where nobody's mail program is, that does not matter. */
export function isOneClickable(publicUrl: string): boolean {
  const { protocol, hostname } = new URL(publicUrl);
  return protocol === 'https:' || /^(localhost|127\..*|\[::1\])$/.test(hostname);
}
