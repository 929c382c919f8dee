import { expect, it } from 'vitest';
import { DependencyError } from '../../lib/errors.ts';
import type { NotificationRendered } from '../../lib/events.ts';
import type { Judged, Judgement } from './dispatch.ts';
import { Guard } from './guard.ts';
import { Lease } from './lease.ts';
import type { HoldState } from './ledger/types.ts';
import { Marks } from './marks.ts';
import type { Claimed } from './messages.ts';
import { readClocks } from './read-clocks.ts';
import { sendSlice } from './send-slice.ts';
import type { Settler } from './settler.ts';
import { Breaker } from './transports/breaker.ts';
import type { Transport } from './transports/transport.ts';

const settler = { room: async () => {}, unlessDown: <T>(work: Promise<T>) => work } as unknown as Settler;

const toClaim = (id: string, onNoAnswer: 'resend' | 'park' = 'resend', userId = id): Claimed => ({
  notificationId: id,
  month: '2026-11-01',
  attempt: 1,
  token: 'token',
  message: {
    event: { notification_id: id, user_id: userId, on_no_answer: onNoAnswer } as NotificationRendered,
    key: id,
    traceparent: undefined,
    partition: 0,
    offset: '0',
    waitsSince: null,
    mayHaveLeft: false,
  },
  stage: 'open',
  mayHaveLeft: false,
  hold: null,
  lost: false,
});

/** @param atBody called when a body is about to leave */
async function send(
  claims: readonly Claimed[],
  holds: Map<string, HoldState>,
  atBody = (_id: string) => {},
  options: {
    signal?: AbortSignal;
    turn?: NonNullable<Transport['turn']>;
    parallel?: number;
    /** Messages of another slice of the lane that are marked, and stay so. */
    markedElsewhere?: readonly Claimed[];
    answer?: (id: string) => Judgement | undefined;
  } = {},
) {
  const { signal = new AbortController().signal, turn, parallel = 1, markedElsewhere = [], answer } = options;
  const begun: string[] = [];
  const left: string[] = [];
  const concluded: [string, Judged['kind']][] = [];
  const marked: string[] = [];
  const statements: number[] = [];
  const transport: Transport = {
    parallel,
    breaker: new Breaker('mail-server', () => 0),
    probe: async () => {},
    async send({ notification_id: id }, mayLeave) {
      begun.push(id);
      atBody(id);
      const refusal = answer?.(id);
      if (refusal) return refusal;
      if (!mayLeave()) return { kind: 'too_late' };
      left.push(id);
      return { kind: 'sent', detail: '' };
    },
    stop: async () => {},
    ...(turn ? { turn } : {}),
  };
  const marks = new Marks({
    async markSending(some) {
      const ids = some.map(({ notificationId }) => notificationId);
      marked.push(...ids);
      statements.push(ids.length);
      return new Set(ids);
    },
  });
  await marks.mark(markedElsewhere, { isWanted: () => true, mayWait: () => true });
  const down = await sendSlice(claims, {
    transport,
    settler,
    marks,
    lease: new Lease(readClocks()),
    guard: new Guard(),
    onRefused: () => {},
    signal,
    holdOf: ({ notificationId }) => {
      const state = holds.get(notificationId);
      return state && { state, holdId: null };
    },
    conclude({ notificationId }, { kind }) {
      concluded.push([notificationId, kind]);
      marks.end([notificationId]);
    },
  });
  return { begun, left, concluded, marked, statements, down };
}

it('begins nothing for what is paused or cancelled, and marks none of it as sending', async () => {
  const claims = [toClaim('free', 'park'), toClaim('paused', 'park'), toClaim('cancelled', 'park')];
  const holds = new Map<string, HoldState>([
    ['paused', 'paused'],
    ['cancelled', 'cancelled'],
  ]);
  const { begun, left, concluded, marked } = await send(claims, holds);
  expect(begun).toEqual(['free']);
  expect(left).toEqual(['free']);
  expect(concluded).toEqual([
    ['free', 'sent'],
    ['cancelled', 'cancelled'],
  ]);
  expect(claims[1]?.stage).toBe('paused');
  expect(marked).toEqual(['free']);
});

it.each([
  ['paused', []],
  ['cancelled', [['one', 'cancelled']]],
] as const)(
  'keeps a body back when its request is %s at the very last moment, however slow the server was until then',
  async (state, told) => {
    const claim = toClaim('one');
    const holds = new Map<string, HoldState>();
    const { left, concluded } = await send([claim], holds, (id) => holds.set(id, state));
    expect(left).toEqual([]);
    expect(concluded).toEqual(told);
    expect(claim.stage === 'paused').toBe(state === 'paused');
  },
);

it('leaves what it lost to whoever took it over, also when that is cancelled', async () => {
  const claim = { ...toClaim('one'), lost: true };
  const lostLate = toClaim('two');
  const holds = new Map<string, HoldState>();
  const { concluded, left } = await send([claim, lostLate], holds, () => {
    lostLate.lost = true;
    holds.set('two', 'cancelled');
  });
  expect(left).toEqual([]);
  expect(concluded).toEqual([]);
  expect([claim.stage, lostLate.stage]).toEqual(['late', 'late']);
});

it('waits for its turn before it marks or begins anything, and gives up what is cancelled meanwhile without one', async () => {
  const claims = [toClaim('one', 'park'), toClaim('two', 'park'), toClaim('three', 'park')];
  const holds = new Map<string, HoldState>();
  const turns: boolean[] = [];
  const { begun, concluded, marked } = await send(claims, holds, () => {}, {
    turn: async ({ isWanted }) => {
      if (turns.length === 1) holds.set('two', 'cancelled');
      turns.push(isWanted());
    },
  });
  expect(turns).toEqual([true, false, true]);
  expect(begun).toEqual(['one', 'three']);
  expect(marked).toEqual(['one', 'three']);
  expect(concluded).toEqual([
    ['one', 'sent'],
    ['two', 'cancelled'],
    ['three', 'sent'],
  ]);
});

it('leaves what waits for its turn as it was when the lane stops', async () => {
  const claims = [toClaim('one', 'park'), toClaim('two')];
  const stopping = new AbortController();
  const { begun, marked } = await send(claims, new Map(), () => {}, {
    signal: stopping.signal,
    turn: async ({ isWanted }) => {
      stopping.abort();
      expect(isWanted()).toBe(false);
    },
  });
  expect([begun, marked]).toEqual([[], []]);
  expect(claims.map(({ stage }) => stage)).toEqual(['open', 'open']);
});

it('says that Postgres is down when that cannot give out turns', async () => {
  const claim = toClaim('one');
  const down = new DependencyError('postgres', 'Postgres does not answer');
  const sending = send([claim], new Map(), () => {}, { turn: () => Promise.reject(down) });
  expect((await sending).down).toBe(down);
  expect(claim.stage).toBe('open');
});

const toClaims = (count: number, name: string) =>
  Array.from({ length: count }, (_, at) => toClaim(`${name} ${at}`, 'park'));

it("marks a person's second message by itself when those marked before it wait for the same connection", async () => {
  const claims = [toClaim('first', 'park', 'Ann'), ...toClaims(120, 'between'), toClaim('second', 'park', 'Ann')];
  const { left, statements } = await send(claims, new Map());
  expect(left).toHaveLength(122);
  expect(left.slice(0, 2)).toEqual(['first', 'second']);
  expect(statements.slice(0, 2)).toEqual([100, 1]);
  expect(Math.max(...statements)).toBe(100);
});

it('waits no longer for room among the marked ones when the server goes down', async () => {
  const claims = [toClaim('parks', 'park'), toClaim('resends')];
  const { begun, down } = await send(claims, new Map(), () => {}, {
    parallel: 2,
    markedElsewhere: toClaims(60, 'elsewhere'),
    answer: () => ({
      kind: 'transport',
      reason: 'no_connection',
      detail: 'gone',
      hopeless: true,
      isBroken: true,
      isRefusal: false,
    }),
  });
  expect(begun).toEqual(['resends']);
  expect(down?.dependency).toBe('mail-server');
  expect(claims.map(({ stage }) => stage)).toEqual(['open', 'open']);
});

it('waits no longer for room among the marked ones when the lane stops', async () => {
  const stopping = new AbortController();
  const claims = [toClaim('parks', 'park'), toClaim('resends')];
  const { left } = await send(claims, new Map(), () => setImmediate(() => stopping.abort()), {
    parallel: 2,
    signal: stopping.signal,
    markedElsewhere: toClaims(60, 'elsewhere'),
  });
  expect(left).toEqual(['resends']);
  expect(claims[0]?.stage).toBe('open');
});
