// How a delivery ends whose record can never be dispatched, whether it came from Kafka or from `waiting`.
import { type RawBuilder, sql } from 'kysely';

/** Of a row d of deliveries: somebody claimed it and will never end it. */
export const isLeftBehind = (d: RawBuilder<unknown>): RawBuilder<boolean> =>
  sql`${d}.state in ('claimed', 'sending') and (${d}.lease_until is null or ${d}.lease_until <= now())`;

/**
 * `ended`, or what an end without an answer has in its place: a claim that was never given back still has its token, and may
 * have been sent.
 */
export const unlessLeft = (
  d: RawBuilder<unknown>,
  { unknown, ended }: { unknown: string; ended: RawBuilder<unknown> },
  orElse = sql<boolean>`false`,
): RawBuilder<string> =>
  sql`case when ${d}.may_have_left or ${d}.token is not null or ${orElse} then ${sql.lit(unknown)} else ${ended} end`;
