// What must hold at the two moments that matter: when a claim is given, and when a body leaves.
import { expect } from 'vitest';
import type { ClaimRow } from '../../../services/dispatcher/ledger/types.ts';
import type { Claimed } from '../../../services/dispatcher/messages.ts';
import { barOf, type Note, noteOf, type World } from './world.ts';

/** A claim that is not the repeat of one's own is not given for what may not be sent. */
export function checkFreshClaims(world: World, rows: readonly ClaimRow[], token: string): void {
  for (const { verdict, notification_id: id } of rows) {
    if (verdict !== 'claimed' || world.last.rows.get(id)?.token === token) continue;
    expect(barOf(world, noteOf(world, id)), 'what may not be sent is not claimed').toBeUndefined();
  }
}

/** Only under a live claim; and again only after a definite no, a person's command, or, if it resends, a break. */
export function checkLeaving(world: World, { handovers }: Note, claim: Claimed): void {
  const { notificationId, token, attempt, message } = claim;
  const row = world.last.rows.get(notificationId);
  const found = { token: row?.token, attempt: row?.attempt, is_alive: row?.is_alive };
  expect(found, 'a body leaves only under a live claim').toEqual({ token, attempt, is_alive: true });
  const { on_no_answer: onNoAnswer } = message.event;
  const may = ['refused', 'commanded', ...(onNoAnswer === 'park' ? [] : ['ambiguous'])];
  for (const { end } of handovers)
    expect(may, `a body of a template that does ${onNoAnswer} leaves again`).toContain(end);
}
