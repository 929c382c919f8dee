// The counting rule is the judge of every fault run, so it is judged here.
import { describe, expect, it } from 'vitest';
import { count, type Evidence, type Promised } from './count.ts';

const resend = { onNoAnswer: 'resend' } as const;
const park = { onNoAnswer: 'park' } as const;
const sent = { state: 'sent', reason: '' };
const mails = (...ids: string[]) => ids.map((notificationId) => ({ notificationId }));

const calm: Evidence = {
  planned: new Map<string, Promised>([
    ['a', resend],
    ['b', park],
    ['c', resend],
  ]),
  accepted: mails('a', 'b'),
  ledger: new Map([
    ['a', sent],
    ['b', sent],
    ['c', { state: 'skipped', reason: 'no_address' }],
  ]),
};
const faults = ({ lost, ghost, lying, silent, doubleResend, doublePark, open }: ReturnType<typeof count>) => ({
  lost,
  ghost,
  lying,
  silent,
  doubleResend,
  doublePark,
  open,
});
const none = { lost: [], ghost: [], lying: [], silent: [], doubleResend: [], doublePark: [], open: [] };
const withLedger = (id: string, state: string) => new Map([...calm.ledger, [id, { state, reason: '' }]]);

describe('the counting rule', () => {
  it('finds nothing where everybody got one mail or has a reason for none', () => {
    const tally = count(calm);
    expect(faults(tally)).toEqual(none);
    expect(tally).toMatchObject({ planned: 3, accepted: 2, states: { sent: 2, 'skipped(no_address)': 1 } });
  });

  it('calls lost who is planned, was not mailed and has no reason', () => {
    const ledger = new Map(calm.ledger);
    ledger.delete('a');
    expect(faults(count({ ...calm, accepted: mails('b'), ledger }))).toEqual({ ...none, lost: ['a'] });
  });

  it('is not deceived by one lost and one invented: the numbers are equal, the ids are not', () => {
    const evidence = { ...calm, accepted: mails('x', 'b'), ledger: new Map(calm.ledger) };
    evidence.ledger.delete('a');
    expect(faults(count(evidence))).toEqual({ ...none, lost: ['a'], ghost: ['x'], silent: ['x'] });
  });

  it('calls a row that nobody planned a ghost, mailed or not', () => {
    expect(count({ ...calm, ledger: withLedger('y', 'failed') }).ghost).toEqual(['y']);
  });

  it('calls the ledger lying when it says sent and no mail came', () => {
    expect(faults(count({ ...calm, accepted: mails('a') }))).toEqual({ ...none, lost: ['b'], lying: ['b'] });
  });

  it('calls silent a mail of which the ledger does not know', () => {
    expect(count({ ...calm, ledger: withLedger('a', 'failed') }).silent).toEqual(['a']);
    expect(count({ ...calm, ledger: withLedger('a', 'unknown') }).silent).toEqual([]);
  });

  it('counts doubles apart for templates that resend and that park', () => {
    const tally = count({ ...calm, accepted: mails('a', 'b', 'a', 'b', 'b') });
    expect(faults(tally)).toEqual({ ...none, doubleResend: ['a'], doublePark: ['b'] });
  });

  it('names the rows that have no end', () => {
    expect(count({ ...calm, ledger: withLedger('a', 'claimed') })).toMatchObject({ open: ['a'], silent: ['a'] });
  });
});
