// What must not go unnoticed: each of these takes one promise out of the code, and names the fault run that has to find it.
import type { Change } from './harness/broken-release.ts';

export interface Sabotage extends Change {
  title: string;
  /** The fault run, as `npm run test:faults` calls it. */
  scenario: string;
  /** One of the things that it then says did not hold. */
  shows: RegExp;
}

const settleGuard = {
  file: 'services/dispatcher/ledger/settle.ts',
  from: `        and case when d.state in ('claimed', 'sending') then d.attempt end = g.attempt and d.token = g.token
      returning d.notification_id, d.request_id`,
  to: '      returning d.notification_id, d.request_id',
};

export const sabotages: readonly Sabotage[] = [
  {
    title: 'claim before send removed: whatever the claim says, the mail is sent',
    scenario: 'F2',
    file: 'services/dispatcher/sort-claims.ts',
    from: 'switch (row?.verdict) {',
    to: "switch (row && 'claimed') {",
    shows: /came twice/,
  },
  {
    title: 'settle guard removed: a settlement needs neither its attempt nor its token (a zombie settles)',
    scenario: 'F3',
    ...settleGuard,
    shows: /rows that had ended were changed|counted/,
  },
  {
    title: 'settle guard removed: a settlement needs neither its attempt nor its token (one is repeated)',
    scenario: 'F12',
    ...settleGuard,
    shows: /counted/,
  },
  {
    title: 'breaker opens for one recipient: what one message causes is taken for the state of the mail server',
    scenario: 'F14',
    file: 'services/dispatcher/transports/breaker.ts',
    from: 'export const failuresToOpen = 5;',
    to: 'export const failuresToOpen = 1;',
    shows: /was not ready|waited longer|were not sent/,
  },
  {
    title: 'lease asks the monotonic clock only: who was suspended sends what others have sent',
    scenario: 'F16',
    file: 'services/dispatcher/lease.ts',
    from: 'Math.max(now.monotonicMs - this.#from.monotonicMs, now.wallMs - this.#from.wallMs)',
    to: 'now.monotonicMs - this.#from.monotonicMs',
    shows: /came at|came twice/,
  },
];
