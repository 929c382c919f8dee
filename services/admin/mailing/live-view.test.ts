import { describe, expect, it } from 'vitest';
import type { NumbersRow } from '../queries/mailings-numbers.ts';
import { createLiveSnapshots } from './live-snapshots.ts';
import { type MailingFacts, toLiveView, toRate, toTimeLeft } from './live-view.ts';

const row: NumbersRow = {
  state: 'running',
  detail: '',
  hold: null,
  ownHold: null,
  driven: true,
  planned: 100,
  planningComplete: true,
  startedAt: null,
  endedAt: null,
  counts: [],
  unsubscribed: 0,
  waitingFrom: null,
  waitingUntil: null,
  aside: null,
  holds: [],
};
const once: MailingFacts = { status: 'confirmed', isSeries: false, confirmedCount: 120 };
const counts = (sent: number, failed: number, deferred: number): NumbersRow['counts'] => [
  { state: 'deferred', reason: 'greylisted', count: deferred },
  { state: 'failed', reason: 'refused', count: failed },
  { state: 'sent', reason: '', count: sent },
];

describe('the numbers of a mailing', () => {
  it('are those that ended, those that wait, and the rest in flight', () => {
    expect(toLiveView({ ...row, counts: counts(60, 5, 10) }, once)).toMatchObject({
      sent: 60,
      failed: 5,
      waiting: 10,
      inFlight: 25,
      balanced: false,
      percent: 65,
      remaining: 35,
    });
  });

  it('balance when everybody planned has one end', () => {
    const view = toLiveView({ ...row, state: 'done', counts: counts(95, 5, 0) }, once);
    expect(view).toMatchObject({ balanced: true, state: 'done', percent: 100, remaining: 0, neverPlanned: 0 });
    expect(toLiveView({ ...row, planningComplete: false, counts: counts(95, 5, 0) }, once).balanced).toBe(false);
  });

  it('have those beside them who were never planned of one that was cancelled', () => {
    const view = toLiveView({ ...row, state: 'cancelled', hold: 'cancelled', counts: counts(95, 5, 0) }, once);
    expect(view).toMatchObject({ planned: 100, neverPlanned: 20, balanced: true, remaining: 0, turning: null });
  });

  it('go by what was confirmed until planning is complete', () => {
    expect(toLiveView({ ...row, planningComplete: false, planned: 50 }, once).expected).toBe(120);
    expect(toLiveView({ ...row, planned: 130 }, once).expected).toBe(130);
  });
});

describe('the state that is shown', () => {
  it.each([
    [{ state: null }, { status: 'draft' }, 'draft', null],
    [{ state: null }, {}, 'scheduled', null],
    [{ state: null, hold: 'paused' }, {}, 'paused', null],
    [{ state: null, hold: 'cancelled' }, {}, 'cancelled', null],
    [{ state: null }, { isSeries: true }, 'recurring', null],
    [{ state: null, hold: 'paused' }, { isSeries: true }, 'paused', null],
    [{ state: 'planning' }, {}, 'running', null],
    [{ state: 'running', hold: 'paused' }, {}, 'running', 'pausing'],
    [{ state: 'paused', hold: 'paused' }, {}, 'paused', null],
    [{ state: 'paused' }, {}, 'paused', 'resuming'],
    [{ state: 'paused', detail: 'late' }, {}, 'late', null],
    [{ state: 'running', hold: 'cancelled' }, {}, 'running', 'cancelling'],
    [{ state: 'running', driven: false, planned: 0 }, {}, 'done', null],
    [{ state: 'rejected', hold: 'cancelled' }, {}, 'rejected', null],
    [{ state: null }, { status: 'cancelled' }, 'cancelled', null],
  ] as const)('of %j %j is %s, %s', (numbers, facts, state, turning) => {
    expect(toLiveView({ ...row, ...numbers }, { ...once, ...facts })).toMatchObject({ state, turning });
  });
});

describe('how fast it goes', () => {
  const samples = [0, 1, 2, 3, 4].map((second) => ({ atMs: second * 1_000, ended: second * 50 }));

  it('is what ended over the last seconds, and gives the time that is left', () => {
    expect(toRate(samples)).toBe(50);
    expect(toRate([{ atMs: -60_000, ended: 0 }, { atMs: 0, ended: 1_000 }, ...samples.slice(1)])).toBeLessThan(0.1);
    const view = toLiveView({ ...row, counts: counts(40, 0, 10) }, once);
    expect(toTimeLeft(view, 50)).toBe(1_000);
  });

  it('is not told before there is anything to tell, nor while it waits', () => {
    expect(toRate(samples.slice(0, 1))).toBeUndefined();
    expect(toTimeLeft(toLiveView({ ...row, state: 'paused' }, once), 50)).toBeUndefined();
    expect(toTimeLeft(toLiveView(row, once), 0)).toBeUndefined();
  });
});

describe('looking at the numbers', () => {
  it('reads once a second, however many look', async () => {
    let now = 0;
    let reads = 0;
    const snapshots = createLiveSnapshots(
      async () => {
        reads += 1;
        return { ...row, counts: counts(reads * 10, 0, 0) };
      },
      () => now,
    );
    for (now = 0; now < 5_000; now += 100) await Promise.all([snapshots.look('a'), snapshots.look('a')]);
    expect(reads).toBe(6);
    expect((await snapshots.look('a')).rate).toBeCloseTo(10 / 0.9);
  });

  it('reads again after a failure', async () => {
    let fails = true;
    const snapshots = createLiveSnapshots(
      async () => {
        if (fails) throw new Error('down');
        return row;
      },
      () => 0,
    );
    await expect(snapshots.look('a')).rejects.toThrow('down');
    fails = false;
    await expect(snapshots.look('a')).resolves.toMatchObject({ row: { planned: 100 } });
  });
});
