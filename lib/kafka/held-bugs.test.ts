import { describe, expect, it } from 'vitest';
import { HeldBugs } from './held-bugs.ts';

const bug = (partition: number, offset: number) => ({
  partition,
  offset: String(offset),
  putAside: () => {
    throw new Error('not here');
  },
});

describe('held bugs', () => {
  it('are counted in a row across partitions, until a record succeeds', () => {
    const bugs = new HeldBugs();
    bugs.hold(bug(0, 1));
    bugs.hold(bug(1, 1));
    expect(bugs.inARow).toBe(2);
    bugs.succeeded(1, '2');
    expect(bugs.inARow).toBe(0);
    expect(bugs.take()).toHaveLength(2);
  });

  it('stop the commit of their own partition before them', () => {
    const bugs = new HeldBugs();
    bugs.hold(bug(0, 7));
    bugs.hold(bug(0, 5));
    expect(bugs.commitPoint(0, 9n)).toBe(5n);
    expect(bugs.commitPoint(0, 3n)).toBe(3n);
    expect(bugs.commitPoint(1, 9n)).toBe(9n);
  });

  it('stop the commit until their dead letters are written, and are taken by one only', () => {
    const bugs = new HeldBugs();
    bugs.hold(bug(0, 5));
    const taken = bugs.take();
    expect(bugs.take()).toEqual([]);
    expect(bugs.commitPoint(0, 9n)).toBe(5n);
    bugs.keep(taken);
    expect(bugs.take()).toHaveLength(1);
    bugs.letGo(taken);
    expect(bugs.commitPoint(0, 9n)).toBe(9n);
    expect(bugs.isEmpty).toBe(true);
  });

  it('count once when their record is read again', () => {
    const bugs = new HeldBugs();
    bugs.hold(bug(0, 5));
    bugs.hold(bug(0, 5));
    expect(bugs.inARow).toBe(1);
    bugs.forgetAll();
    expect(bugs.inARow).toBe(0);
    bugs.hold(bug(0, 5));
    expect(bugs.inARow).toBe(1);
  });

  it('are no bugs any more when their record succeeds after all', () => {
    const bugs = new HeldBugs();
    bugs.hold(bug(0, 5));
    bugs.succeeded(0, '5');
    expect(bugs.take()).toEqual([]);
  });

  it('that were let go because nothing came still count in the row', () => {
    const bugs = new HeldBugs();
    bugs.hold(bug(0, 5));
    bugs.letGo(bugs.take());
    bugs.hold(bug(0, 6));
    expect(bugs.inARow).toBe(2);
  });
});
