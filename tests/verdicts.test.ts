// What the page of a person says will be sent is what the stages do: the enricher's decision, then the suppressions of the claim.
import { expect, it } from 'vitest';
import { isBlank, readAddress } from '../content/address.ts';
import type { Channel } from '../domain/ids.ts';
import { type KnownUser, toVerdicts } from '../domain/verdicts.ts';
import type { ChunkPlanned } from '../lib/events.ts';
import type { UnusableUser, User } from '../lib/user-service.ts';
import { enrich, toErasedKey, toSubscriptionKey } from '../services/enricher/enrich.ts';

const addresses = [null, ' ', 'not one', ' Ada <ADA@example.com>', '00 999 55-1234567'];
const users: (User | UnusableUser | undefined)[] = [
  undefined,
  { fault: '/email' },
  ...addresses.flatMap((email) =>
    addresses.flatMap((phone) =>
      [true, false].map((promo_agree) => ({ id: 'ada', first_name: 'A', last_name: 'L', email, phone, promo_agree })),
    ),
  ),
];
const now = Date.now();
const since = new Date(now);

function toKnown(user: User | UnusableUser | undefined): KnownUser {
  if (!user) return { kind: 'unknown' };
  if ('fault' in user) return { kind: 'unusable', fault: user.fault };
  const read = (channel: Channel, text: string | null) => {
    if (isBlank(text ?? '')) return { kind: 'none' } as const;
    const address = readAddress(channel, text ?? '');
    return address === undefined ? ({ kind: 'unreadable' } as const) : ({ kind: 'address', address } as const);
  };
  return {
    kind: 'known',
    promoAgree: user.promo_agree,
    addresses: { email: read('email', user.email), sms: read('sms', user.phone) },
  };
}

it('says yes exactly where a message would be sent, and else the reason that it would end with', () => {
  let count = 0;
  for (const user of users) {
    for (const unsubscribedFrom of [undefined, 'email', 'sms'] as const) {
      for (const [scope, isErased] of [
        [undefined, false],
        ['all', false],
        ['promotional', false],
        [undefined, true],
      ] as const) {
        const unsubscribed = unsubscribedFrom ? [{ channel: unsubscribedFrom, since }] : [];
        const suppressed = { channel: 'email', address: 'ada@example.com', since, why: '' } as const;
        const suppressions = scope ? [{ ...suppressed, scope }] : [];
        for (const { channel, isPromo, obstacles, answer } of toVerdicts({
          user: toKnown(user),
          erasedAt: isErased ? since : undefined,
          unsubscribed,
          suppressions,
        })) {
          const facts = {
            users: new Map(user ? [['ada', user]] : []),
            unsubscribed: new Set(unsubscribedFrom ? [toSubscriptionKey(unsubscribedFrom, 'ada')] : []),
            erased: new Map(isErased ? [[toErasedKey('person', 'ada'), 'all' as const]] : []),
          };
          const { enriched, outcomes } = enrich(chunkFor(channel, isPromo), facts, now);
          // As services/dispatcher/ledger/claim.ts asks.
          const isBarred = enriched.some(
            (event) =>
              event.channel === 'email' &&
              event.address.toLowerCase() === suppressed.address &&
              (scope === 'all' || (scope && isPromo)),
          );
          const reason = isBarred ? 'suppressed' : outcomes[0]?.reason;
          // Whoever was erased ends as suppressed, with that in the detail.
          const first = obstacles[0]?.kind === 'erased' ? 'suppressed' : obstacles[0]?.kind;
          expect([first, answer]).toEqual([reason, reason === undefined ? 'yes' : 'no']);
          count++;
        }
      }
    }
  }
  expect(count).toBe(users.length * 12 * 4);
});

function chunkFor(channel: Channel, isPromo: boolean): ChunkPlanned {
  return {
    chunk_id: '11111111-1111-4111-8111-111111111111',
    sequence: 0,
    request_id: '22222222-2222-4222-8222-222222222222',
    user_ids: ['ada'],
    priority: 'low',
    channel,
    template_id: 'welcome',
    template_version: 1,
    template_kind: 'common',
    is_promo: isPromo,
    on_no_answer: 'resend',
    context: '{}',
    requested_at: now,
    planned_at: now,
    expires_at: null,
    test_address: null,
  };
}
