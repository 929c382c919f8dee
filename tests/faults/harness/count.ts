// The counting rule: what was promised, what the mail server took and what the ledger says, compared as sets of
// notification ids and never as differences of counts, so that one lost and one invented do not look like none.

export type EndState = 'sent' | 'failed' | 'skipped' | 'unknown';

export interface Promised {
  /** What its template does when no answer comes. */
  onNoAnswer: 'resend' | 'park';
}

export interface LedgerRow {
  state: string;
  reason: string;
}

export interface Evidence {
  /** Everybody in a request that was accepted, by notification id: computed from the requests, not read from the ledger. */
  planned: ReadonlyMap<string, Promised>;
  /** What the sink wrote down, in order. */
  accepted: readonly { notificationId: string }[];
  ledger: ReadonlyMap<string, LedgerRow>;
}

export interface Tally {
  planned: number;
  /** Distinct. */
  accepted: number;
  states: Record<string, number>;
  /** planned ∖ accepted ∖ (failed ∪ skipped ∪ unknown) */
  lost: string[];
  /** (accepted ∪ in the ledger) ∖ planned */
  ghost: string[];
  /** the ledger's sent ∖ accepted */
  lying: string[];
  /** accepted ∖ the ledger's (sent ∪ unknown) */
  silent: string[];
  /** accepted more than once, of a template that resends */
  doubleResend: string[];
  /** the same of a template that parks: there may be none, whatever breaks */
  doublePark: string[];
  /** in the ledger without an end */
  open: string[];
}

export function count({ planned, accepted, ledger }: Evidence): Tally {
  const times = new Map<string, number>();
  for (const { notificationId } of accepted) times.set(notificationId, (times.get(notificationId) ?? 0) + 1);
  const stateOf = (id: string) => ledger.get(id)?.state;
  const ids = [...planned.keys()];
  const doubles = [...times].filter(([, count]) => count > 1).map(([id]) => id);
  const states: Record<string, number> = {};
  for (const { state, reason } of ledger.values()) {
    const name = reason === '' ? state : `${state}(${reason})`;
    states[name] = (states[name] ?? 0) + 1;
  }
  return {
    planned: planned.size,
    accepted: times.size,
    states,
    lost: ids.filter((id) => !times.has(id) && !['failed', 'skipped', 'unknown'].includes(stateOf(id) ?? '')),
    ghost: [...new Set([...times.keys(), ...ledger.keys()])].filter((id) => !planned.has(id)),
    lying: [...ledger.keys()].filter((id) => stateOf(id) === 'sent' && !times.has(id)),
    silent: [...times.keys()].filter((id) => stateOf(id) !== 'sent' && stateOf(id) !== 'unknown'),
    doubleResend: doubles.filter((id) => planned.get(id)?.onNoAnswer !== 'park'),
    doublePark: doubles.filter((id) => planned.get(id)?.onNoAnswer === 'park'),
    open: [...ledger.keys()].filter((id) => !['sent', 'failed', 'skipped', 'unknown'].includes(stateOf(id) ?? '')),
  };
}
