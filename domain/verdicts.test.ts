import { describe, expect, it } from 'vitest';
import { describeObstacle, type KnownAddress, type KnownUser, type PersonFacts, toVerdicts } from './verdicts.ts';

const since = new Date('2026-11-20T10:00:00Z');
const at = (address: string): KnownAddress => ({ kind: 'address', address });
const known = (changes: Partial<Extract<KnownUser, { kind: 'known' }>> = {}): KnownUser => ({
  kind: 'known',
  promoAgree: true,
  addresses: { email: at('Ada@example.com'), sms: at('+999551234567') },
  ...changes,
});
/** As a page says it, one line a verdict. */
const say = (facts: Partial<PersonFacts>): string[] =>
  toVerdicts({ user: known(), erasedAt: undefined, unsubscribed: [], suppressions: [], ...facts }).map(
    ({ channel, isPromo, answer, obstacles }) =>
      `${isPromo ? 'promotional ' : ''}${channel}: ${[answer, ...obstacles.map((one) => describeObstacle(one, channel))].join(', ')}`,
  );
const suppressed = (scope: 'all' | 'promotional', address = 'ada@example.com', channel: 'email' | 'sms' = 'email') => ({
  channel,
  address,
  scope,
  since,
  why: '550 5.1.1 no such user',
});

describe('the verdicts of a person', () => {
  it('are yes for each channel and class where nothing stands against it', () => {
    expect(say({})).toEqual(['email: yes', 'promotional email: yes', 'sms: yes', 'promotional sms: yes']);
  });

  it('are no for what is promotional when they refuse it at the user service', () => {
    expect(say({ user: known({ promoAgree: false }) })).toEqual([
      'email: yes',
      'promotional email: no, refused at the user service',
      'sms: yes',
      'promotional sms: no, refused at the user service',
    ]);
  });

  it('are no for one channel when they unsubscribed from that, and name the refusal as well', () => {
    const unsubscribed = [{ channel: 'sms' as const, since }];
    expect(say({ unsubscribed })).toEqual([
      'email: yes',
      'promotional email: yes',
      'sms: yes',
      'promotional sms: no, unsubscribed',
    ]);
    expect(say({ unsubscribed, user: known({ promoAgree: false }) })[3]).toBe(
      'promotional sms: no, refused at the user service, unsubscribed',
    );
  });

  it('go by the scope of a suppression', () => {
    expect(say({ suppressions: [suppressed('all')] }).slice(0, 2)).toEqual([
      'email: no, suppressed for everything',
      'promotional email: no, suppressed for everything',
    ]);
    expect(say({ suppressions: [suppressed('promotional')] }).slice(0, 2)).toEqual([
      'email: yes',
      'promotional email: no, suppressed for everything promotional',
    ]);
  });

  it('do not count an address that the person no longer has, nor one of the other channel', () => {
    expect(say({ suppressions: [suppressed('all', 'ada@old.example'), suppressed('all', '+999551234567')] })).toEqual(
      say({}),
    );
    expect(say({ suppressions: [suppressed('all', '+999551234567', 'sms')] })[2]).toBe(
      'sms: no, suppressed for everything',
    );
  });

  it('say that there is no address, or one that cannot be read', () => {
    const addresses = { email: { kind: 'unreadable' }, sms: { kind: 'none' } } as const;
    expect(say({ user: known({ addresses }) })).toEqual([
      'email: no, what the user service has as the e-mail address is not one',
      'promotional email: no, what the user service has as the e-mail address is not one',
      'sms: no, the user service has no phone number',
      'promotional sms: no, the user service has no phone number',
    ]);
  });

  it('are no for somebody unknown, or of whom nothing usable is said', () => {
    expect(new Set(say({ user: { kind: 'unknown' } }).map((line) => line.split(': ')[1]))).toEqual(
      new Set(['no, the user service does not know this person']),
    );
    expect(say({ user: { kind: 'unusable', fault: '/email' } })[0]).toContain('cannot be used');
  });

  it('are not known while the user service does not answer, but for what is certain without it', () => {
    expect(
      say({ user: { kind: 'down' }, unsubscribed: [{ channel: 'email', since }], suppressions: [suppressed('all')] }),
    ).toEqual([
      'email: not_known',
      'promotional email: no, unsubscribed',
      'sms: not_known',
      'promotional sms: not_known',
    ]);
  });
});
