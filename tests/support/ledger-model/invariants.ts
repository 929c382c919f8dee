// What must hold after every command of the model, whatever happened before.
import { expect } from 'vitest';
import { type Row, readSnapshot, type Snapshot } from './snapshot.ts';
import { ends, noteOf, type World } from './world.ts';

/** Which states a row may go to by which command; `none` is no row. What is not here must not happen. */
const allowed: Record<string, Record<string, readonly string[]>> = {
  claim: {
    none: ['claimed', 'skipped'],
    claimed: ['claimed', 'unknown', 'skipped', 'failed'],
    sending: ['unknown'],
    deferred: ['claimed', 'unknown', 'skipped', 'failed'],
    ended: ['claimed', 'skipped'],
  },
  mark: { claimed: ['sending'] },
  settle: {
    claimed: ['sent', 'failed', 'unknown', 'deferred', 'skipped'],
    sending: ['sent', 'failed', 'unknown', 'deferred', 'skipped'],
  },
  release: { claimed: ['claimed'], sending: ['claimed'] },
  outcome: {
    none: ['skipped', 'failed'],
    claimed: ['failed', 'unknown'],
    sending: ['unknown'],
    ended: ['skipped', 'failed'],
  },
};

/** @param statements the kinds that ran since the last check @throws AssertionError naming what does not hold */
export async function checkInvariants(world: World, statements: ReadonlySet<string>): Promise<void> {
  const before = world.last;
  const now = await readSnapshot(world);
  world.last = now;
  for (const row of now.rows.values()) checkChange(world, before, row, statements);
  for (const id of before.rows.keys()) expect(now.rows.has(id), `the row of ${id} is still there`).toBe(true);
  checkSums(world, now);
  checkHonesty(world, now);
  checkClaims(world, now);
}

function checkChange(world: World, { rows, commands }: Snapshot, row: Row, statements: ReadonlySet<string>): void {
  const before = rows.get(row.id);
  const isSame = JSON.stringify({ ...row, is_alive: false }) === JSON.stringify({ ...before, is_alive: false });
  if (ends.has(row.state) && !isSame) add(world.endCounts, `${row.state} ${row.reason}`);
  if (before && ends.has(before.state)) {
    if (isSame) return;
    expect(commands.has(row.id), 'an ended row changes by an open command only').toBe(true);
    expect(world.last.commands.has(row.id), 'a command works once').toBe(false);
    if (row.state === 'claimed') world.takenCount += 1;
    for (const handover of noteOf(world, row.id).handovers) handover.end = 'commanded';
  }
  const from = before && ends.has(before.state) ? 'ended' : (before?.state ?? 'none');
  const changed = before?.state !== row.state || before.attempt !== row.attempt;
  if (!changed) return;
  const goes = (start: string, end: string) => [...statements].some((kind) => allowed[kind]?.[start]?.includes(end));
  // Who begins a slice settles first, and what it put off may be the first that it takes.
  const may = goes(from, row.state) || (goes(from, 'deferred') && goes('deferred', row.state));
  expect(may, `${[...statements]} leads from ${from} to ${row.state}`).toBe(true);
  const grown = row.attempt - (before?.attempt ?? 0);
  if (row.state === 'claimed' && !statements.has('release')) expect(grown, 'a claim counts one attempt').toBe(1);
  expect(grown, 'attempts are counted one by one').toBeLessThanOrEqual(1);
  expect(ends.has(row.state), 'an ended row has its time, and no other has').toBe(row.ended_at !== null);
}

/** Counters and minutes are what counting over the rows gives; what is deferred waits. */
function checkSums({ endCounts }: World, { rows, counters, minutes, waiting }: Snapshot): void {
  const perChunk: Record<string, number> = {};
  for (const { id, request_id, chunk_id, state, reason } of rows.values()) {
    if (state === 'claimed' || state === 'sending') continue;
    add(perChunk, `${request_id} ${chunk_id} ${state} ${reason}`);
    if (state === 'deferred') expect(waiting.has(id), 'what is deferred has a row in waiting').toBe(true);
  }
  expect(counters, 'counters are the count over deliveries').toEqual(perChunk);
  expect(minutes, 'minutes are the count of ends').toEqual(endCounts);
}

/** What the mail server took is told as sent or unknown; what it did not take is never told as sent. */
function checkHonesty(world: World, { rows }: Snapshot): void {
  for (const { id, state, reason } of rows.values()) {
    const isTaken = noteOf(world, id).handovers.some(({ fate }) => fate === 'taken');
    if (state === 'sent') expect(isTaken, 'what is sent was taken by the mail server').toBe(true);
    if (!ends.has(state) || !isTaken) continue;
    expect(['sent', 'unknown'], `it was taken by the mail server, and ended as ${state} ${reason}`).toContain(state);
  }
}

/** Who believes that a claim is his, by his own clock, has it in the ledger: so at most one does. */
function checkClaims(world: World, { rows }: Snapshot): void {
  for (const worker of world.workers) {
    for (const { notificationId, attempt, token } of worker.believedClaims()) {
      const row = rows.get(notificationId);
      const found = row && { attempt: row.attempt, token: row.token, is_alive: row.is_alive };
      expect(found, `${worker.name} holds what it believes to hold`).toEqual({ attempt, token, is_alive: true });
      expect(['claimed', 'sending'], 'a claim that is held').toContain(row?.state);
    }
  }
}

function add(counts: Record<string, number>, what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}
