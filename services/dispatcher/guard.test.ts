import { describe, expect, it } from 'vitest';
import { Guard, type Refused } from './guard.ts';

const minuteMs = 60_000;
let drawn = 0;
const one = (requestId = `request ${++drawn}`, templateId = 'welcome'): Refused => ({
  notificationId: `notification ${++drawn}`,
  requestId,
  templateId,
});

/** What the guard finds while so many are refused, each with its place in the row. */
function refuse(guard: Guard, some: readonly Refused[], speaksOf: 'message' | 'recipient' | 'us' = 'message', at = 0) {
  return some.flatMap((refused, index) => {
    const found = guard.refused(refused, speaksOf, at);
    return found ? [{ ...found, index }] : [];
  });
}
const many = (count: number, ...args: Parameters<typeof one>) => Array.from({ length: count }, () => one(...args));

describe('the guard', () => {
  it('holds a mailing after thirty of its people in a row, and once', () => {
    expect(refuse(new Guard(), many(600, 'mailing'))).toEqual([
      { scope: 'request', subject: 'mailing', count: 30, endsInMs: minuteMs, index: 29 },
    ]);
  });

  it('holds a template when thirty requests for one person are refused, but not for dead addresses', () => {
    expect(refuse(new Guard(), many(40))).toMatchObject([{ scope: 'template', subject: 'welcome', index: 29 }]);
    expect(refuse(new Guard(), many(100), 'recipient')).toEqual([]);
    expect(refuse(new Guard(), many(40, 'mailing'), 'recipient')).toMatchObject([{ scope: 'request' }]);
  });

  it('holds the lane when the answers speak of us, whatever was asked for', () => {
    expect(refuse(new Guard(), many(40), 'us')).toMatchObject([{ scope: 'lane', subject: '', index: 29 }]);
  });

  it('counts a message once, and begins anew when one of them gets through', () => {
    const guard = new Guard();
    const same = one('mailing');
    expect(refuse(guard, Array<Refused>(500).fill(same))).toEqual([]);
    refuse(guard, many(28, 'mailing'));
    guard.got(one('mailing'), 0);
    expect(refuse(guard, many(29, 'mailing'))).toEqual([]);
    guard.got(one('another', 'another'), 0);
    expect(refuse(guard, many(1, 'mailing'))).toHaveLength(1);
  });

  it('holds again after five, twice as long each time, up to a quarter of an hour, until one gets through', () => {
    const guard = new Guard();
    const minutes: number[] = [];
    let atMs = 0;
    for (let round = 0; round < 6; round++) {
      const [found] = refuse(guard, many(round === 0 ? 30 : 5, 'mailing'), 'message', atMs);
      minutes.push((found?.endsInMs ?? 0) / minuteMs);
      expect(refuse(guard, many(50, 'mailing'), 'message', atMs + 1), 'while it holds').toEqual([]);
      atMs += found?.endsInMs ?? 0;
    }
    expect(minutes).toEqual([1, 2, 4, 8, 15, 15]);
    guard.got(one('mailing'), atMs);
    expect(refuse(guard, many(29, 'mailing'), 'message', atMs)).toEqual([]);
    expect(refuse(guard, many(1, 'mailing'), 'message', atMs)).toMatchObject([{ endsInMs: minuteMs }]);
  });

  it('says so again when its hold could not be placed', () => {
    const guard = new Guard();
    const [found] = refuse(guard, many(30, 'mailing'));
    if (!found) throw new Error('it holds');
    expect(guard.hasJustHeld(one('mailing'), 1_000)).toBe(true);
    guard.notHeld(found);
    expect(guard.hasJustHeld(one('mailing'), 1_000)).toBe(false);
    expect(refuse(guard, many(30, 'mailing'))).toMatchObject([{ endsInMs: minuteMs }]);
  });

  it('stays small, however many requests there are', () => {
    const guard = new Guard();
    for (let at = 0; at < 100_000; at++) guard.refused(one(`request ${at}`, `template ${at}`), 'message', 0);
    expect(guard.size).toBeLessThanOrEqual(2_000);
  });
});

describe('a refusal in doubt is the message’s own', () => {
  it('when others of its request got through since, if others of that were refused as well', () => {
    const guard = new Guard();
    const [first, second] = [one('mailing', 'monthly'), one('mailing', 'monthly')];
    refuse(guard, [first, second]);
    const since = guard.answers;
    guard.got(one('other', 'other'), 0);
    expect(guard.othersGot(first, since)).toBe(false);
    guard.got(one('other', 'monthly'), 0);
    expect(guard.othersGot(first, since)).toBe(false);
    guard.got(one('mailing', 'monthly'), 0);
    expect(guard.othersGot(first, since)).toBe(true);
  });

  it('when anybody got through since, if it is the only one of its request and template', () => {
    const guard = new Guard();
    const alone = one();
    guard.got(one(), 10);
    refuse(guard, [alone]);
    expect(guard.othersGot(alone, guard.answers)).toBe(false);
    expect(guard.othersGot(alone, guard.answers, 5), 'since it was first put off').toBe(true);
    expect(guard.othersGot(alone, guard.answers, 15)).toBe(false);
  });

  it('never by a success of others while the guard holds its mailing', () => {
    const guard = new Guard();
    const some = many(30, 'mailing', 'monthly');
    refuse(guard, some);
    const since = guard.answers;
    guard.got(one('other', 'other'), 0);
    expect(some.filter((refused) => guard.othersGot(refused, since))).toEqual([]);
  });
});
