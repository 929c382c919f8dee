// Who may come twice, or end as unknown, because a dispatcher was killed: exactly those whom it had in hand, that is
// claimed and not settled, when it died. Read from the ledger right after the kill.
import { sql } from 'kysely';
import { eventually } from '../../support/eventually.ts';
import type { Accepted } from '../sink/client.ts';
import type { World } from './world.ts';

export interface InHand {
  notification_id: string;
  state: 'claimed' | 'sending';
  priority: 'high' | 'medium' | 'low';
  /** Milliseconds since 1970 UTC. */
  claimed_at_ms: number;
}

export interface Death {
  inHand: readonly InHand[];
  /** Milliseconds since 1970 UTC. */
  atMs: number;
}

/** Nobody else touches what the dead one had in hand for at least so long: its leases live on. */
const untouchedMs = 5_000;

/** SIGKILL. @returns what it had in hand; the launcher starts another one half a second later, or more */
export async function killDispatcher({ launched, db }: World): Promise<Death> {
  const pid = launched.services.pid('dispatcher');
  if (pid === undefined) throw new Error('there is no dispatcher to kill');
  launched.services.kill('dispatcher', 'SIGKILL');
  await eventually(() => launched.services.pid('dispatcher') !== pid, 'the dispatcher is dead');
  const atMs = Date.now();
  // What it had asked for Postgres may still be doing; its sessions end when that is done.
  await eventually(async () => {
    const { rows } = await sql`
      select from pg_stat_activity
      where application_name = 'posthorn-dispatcher' and backend_start < to_timestamp(${atMs}::double precision / 1000)
    `.execute(db);
    return rows.length === 0;
  }, 'its sessions have ended');
  const { rows } = await sql<InHand>`
    select notification_id, state, priority, extract(epoch from claimed_at)::double precision * 1000 as claimed_at_ms
    from deliveries
    where state in ('claimed', 'sending') and claimed_at < clock_timestamp()
      and lease_until > clock_timestamp() + make_interval(secs => ${untouchedMs / 1_000})
  `.execute(db);
  return { inHand: rows, atMs };
}

/** Of those in hand at a death: whose mail had been taken. These and no others may come twice, or are unknown. */
export function findTaken({ inHand, atMs }: Death, accepted: readonly Accepted[]): InHand[] {
  const taken = new Set(accepted.filter((one) => one.atMs < atMs + untouchedMs).map((one) => one.notificationId));
  return inHand.filter((one) => taken.has(one.notification_id));
}
