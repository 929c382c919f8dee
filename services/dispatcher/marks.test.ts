import { expect, it } from 'vitest';
import { Marks } from './marks.ts';
import type { Claimed } from './messages.ts';

const toClaims = (count: number, name: string) =>
  Array.from(
    { length: count },
    (_, at) => ({ notificationId: `${name} ${at}`, stage: 'open', lost: false }) as Claimed,
  );
const patient = { isWanted: () => true, mayWait: () => true };

function createMarks(duringStatement = () => {}) {
  const statements: number[] = [];
  const marks = new Marks({
    async markSending(claims) {
      statements.push(claims.length);
      duringStatement();
      return new Set(claims.map(({ notificationId }) => notificationId));
    },
  });
  return { marks, statements };
}

it('keeps nobody who is marked behind somebody who waits for room', async () => {
  const { marks, statements } = createMarks();
  const claims = toClaims(120, 'a');
  await marks.mark(claims, patient);
  const waiting = marks.mark(toClaims(1, 'b'), patient);
  await marks.mark(claims.slice(99), patient);
  expect(statements).toEqual([100]);
  marks.end(claims.slice(0, 50).map(({ notificationId }) => notificationId));
  await waiting;
  expect(statements).toEqual([100, 1]);
});

it('lets one who may not wait any more go by itself', async () => {
  const { marks, statements } = createMarks();
  await marks.mark(toClaims(100, 'a'), patient);
  let mayWait = true;
  const waiting = marks.mark(toClaims(40, 'b'), { isWanted: () => true, mayWait: () => mayWait });
  mayWait = false;
  marks.look();
  await waiting;
  expect(statements).toEqual([100, 1]);
});

it('keeps no room for what was marked when its slice was over already', async () => {
  let isWanted = true;
  const { marks, statements } = createMarks(() => {
    isWanted = false;
  });
  await marks.mark(toClaims(100, 'a'), { isWanted: () => isWanted, mayWait: () => true });
  await marks.mark(toClaims(100, 'b'), patient);
  expect(statements).toEqual([100, 100]);
});

it('marks nothing for who is not wanted any more', async () => {
  const { marks, statements } = createMarks();
  await marks.mark(toClaims(100, 'a'), patient);
  let isWanted = true;
  const [claim] = toClaims(1, 'b');
  const waiting = marks.mark(claim ? [claim] : [], { isWanted: () => isWanted, mayWait: () => true });
  isWanted = false;
  marks.look();
  await waiting;
  expect(statements).toEqual([100]);
  expect(claim && marks.has(claim)).toBe(false);
});
