// Who may send what again. Pure.
import type { Ability } from '../roles.ts';

export const resendableStates = ['failed', 'skipped', 'unknown'] as const;

/** Support may answer for a message that may not have arrived; the rest is for those who know what was mended. */
export function abilityFor(state: string): Ability {
  return state === 'unknown' ? 'support' : 'operate';
}

/** What was sent is sent; what was cancelled was not wanted; what has expired is too late. */
export function canSendAgain({ state, reason }: { state: string; reason: string }): boolean {
  return resendableStates.some((one) => one === state) && reason !== 'cancelled' && reason !== 'expired';
}
