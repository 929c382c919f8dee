import { describe, expect, it } from 'vitest';
import type { DeliveryState } from '../../../lib/db/tables.ts';
import { type JudgeFacts, judge } from './replay-judge.ts';

const nowMs = Date.UTC(2026, 10, 23);
const facts = (given: Partial<JudgeFacts> = {}): JudgeFacts => ({
  nowMs,
  ledgerStartMs: nowMs - 1_000_000,
  hold: null,
  states: new Map(),
  mode: 'execute',
  filter: {},
  ...given,
});
const subject = (given: { requestedAtMs?: number; expiresAtMs?: number | null } = {}) => ({
  requestedAtMs: nowMs - 1_000,
  expiresAtMs: null,
  people: [{ userId: 'ann', notificationId: 'n-ann' }],
  ...given,
});
const withState = (state: DeliveryState) => new Map([['n-ann', state]]);
const ann = [{ userId: 'ann', notificationId: 'n-ann' }];

describe('judge', () => {
  it('sends whoever has no row', () => {
    expect(judge(subject(), facts())).toEqual({ toSend: ann, toResend: [], counts: {} });
  });

  it.each([
    ['sent', 'sent'],
    ['failed', 'failed'],
    ['skipped', 'skipped'],
    ['unknown', 'unknown'],
    ['claimed', 'inFlight'],
    ['sending', 'inFlight'],
    ['deferred', 'waiting'],
  ] as const)('leaves whoever is %s alone', (state, name) => {
    expect(judge(subject(), facts({ states: withState(state) }))).toEqual({
      toSend: [],
      toResend: [],
      counts: { [name]: 1 },
    });
  });

  it.each([
    ['what was requested before the ledger begins', { requestedAtMs: 1 }, {}, 'tooOld'],
    ['what has expired', { expiresAtMs: nowMs }, {}, 'expired'],
    ['what was cancelled', {}, { hold: 'cancelled' }, 'cancelled'],
    ['what is paused', {}, { hold: 'paused' }, 'paused'],
  ] as const)('sends nothing of %s', (_what, given, known, name) => {
    for (const mode of ['dry_run', 'execute', 'resend'] as const) {
      expect(judge(subject(given), facts({ ...known, mode })).counts).toEqual({ [name]: 1 });
    }
  });

  it('does not trust a row either where others may have been deleted', () => {
    const known = facts({ states: withState('sent'), mode: 'resend' });
    expect(judge(subject({ requestedAtMs: 1 }), known)).toEqual({ toSend: [], toResend: [], counts: { tooOld: 1 } });
  });

  it('sends nothing to people who were erased, not even a second time', () => {
    const states = new Map([['n-ann', 'erased' as const]]);
    expect(judge(subject(), facts({ states, mode: 'resend' })).counts).toEqual({ erased: 1 });
    const people = [{ userId: 'erased:00000000-0000-4000-8000-000000000000', notificationId: 'n-nobody' }];
    expect(judge({ ...subject(), people }, facts()).counts).toEqual({ erased: 1 });
  });

  it.each(['sent', 'failed', 'skipped', 'unknown'] as const)(
    'sends %s a second time when an admin wants that',
    (state) => {
      const states = withState(state);
      expect(judge(subject(), facts({ states, mode: 'resend' })).toResend).toEqual(ann);
      expect(judge(subject(), facts({ states, mode: 'resend', filter: { ended: [state] } })).toResend).toEqual(ann);
      const others = (['sent', 'unknown', 'failed'] as const).filter((one) => one !== state);
      const left = judge(subject(), facts({ states, mode: 'resend', filter: { ended: others } }));
      expect(left).toEqual({ toSend: [], toResend: [], counts: { [state]: 1 } });
    },
  );

  it.each([
    ['what is on its way', facts({ states: withState('claimed'), mode: 'resend' }), {}, 'inFlight'],
    ['what expired', facts({ states: withState('sent'), mode: 'resend' }), { expiresAtMs: 5 }, 'sent'],
    ['what was cancelled', facts({ states: withState('sent'), mode: 'resend', hold: 'cancelled' }), {}, 'sent'],
  ] as const)('sends nothing a second time of %s', (_what, known, given, name) => {
    expect(judge(subject(given), known).counts).toEqual({ [name]: 1 });
  });
});
