// What the sweep does for requests that only name people and do not move any more: the same as for mailings
// (look-after.ts), hundreds at a time.
import { sql } from 'kysely';
import { type Db, StatementUndoneError, withDatabase } from '../../../lib/db/database.ts';
import { DependencyError } from '../../../lib/errors.ts';
import { publishChunks } from './chunks.ts';
import { loadOpen } from './direct-requests.ts';
import { countPeople, type Driven } from './driven.ts';
import { type CareParts, endLost, maxHealRounds } from './look-after.ts';
import { findMissing } from './missing-people.ts';
import { setAside } from './set-aside.ts';

/**
 * Nobody wants a message of last month out of the blue: what could be under way so long ago, and was never healed, ends as
 * failed(lost), and a person may have it sent again. As long as the topics keep records.
 */
const tooOldDays = 7;

interface Health {
  requestId: string;
  rounds: number;
  /** Since it was last looked into, some of its people ended. */
  hasMoved: boolean;
  isTooOld: boolean;
}

/**
 * One round for each. Those of whom some people ended since the last one have only that noted; of the others the people
 * without a row are published again, or end when that has been done three times. Two planners at once publish the same
 * people twice, which the ledger makes harmless, and count one round. A request that meets a bug does not keep the others
 * from being healed.
 * @param requestIds of one priority, whose lanes have no lag
 * @returns how many people were published again
 */
export async function healDirect(parts: CareParts, requestIds: readonly string[]): Promise<number> {
  try {
    return await healTogether(parts, requestIds);
  } catch (error) {
    const isUndone = error instanceof StatementUndoneError;
    if (error instanceof DependencyError && !isUndone) throw error;
    const [requestId] = requestIds;
    if (requestId !== undefined && requestIds.length === 1) {
      if (isUndone) {
        await setAside(parts, 'heal', requestId, error);
        return 0;
      }
      parts.logger.error({ err: error, requestId }, 'a bug: this request cannot be healed, the others are');
      await noteRound(parts.db, new Map([[requestId, { ...unknownHealth, requestId }]]), new Set());
      return 0;
    }
    const half = Math.ceil(requestIds.length / 2);
    // It may be the state of Postgres: the other half comes with the next walk.
    if (isUndone) return healDirect(parts, requestIds.slice(0, half));
    return (await healDirect(parts, requestIds.slice(0, half))) + (await healDirect(parts, requestIds.slice(half)));
  }
}

async function healTogether(parts: CareParts, requestIds: readonly string[]): Promise<number> {
  let count = 0;
  for await (const requests of loadOpen(parts.db, requestIds)) {
    const health = await readHealth(parts.db, requests);
    const isDue = (wanted: (one: Health) => boolean) =>
      requests.filter(({ requestId }) => wanted(health.get(requestId) ?? unknownHealth));
    const isOver = ({ rounds, isTooOld }: Health) => rounds >= maxHealRounds || (isTooOld && rounds === 0);
    const published = await publishAgain(
      parts,
      isDue((one) => !one.hasMoved && !isOver(one)),
    );
    count += published.people;
    const tooOld = isDue((one) => !one.hasMoved && isOver(one) && one.rounds < maxHealRounds);
    await endLost(parts, tooOld, `nothing was heard of it for ${tooOldDays} days, and so late it is not sent unasked`);
    const givenUp = isDue((one) => !one.hasMoved && one.rounds >= maxHealRounds);
    await endLost(parts, givenUp);
    await noteRound(parts.db, health, published.requestIds);
  }
  return count;
}

const unknownHealth: Health = { requestId: '', rounds: 0, hasMoved: true, isTooOld: false };

async function publishAgain(parts: CareParts, requests: readonly Driven[]) {
  const requestIds = new Set<string>();
  let people = 0;
  for await (const portions of findMissing(parts.db, requests)) {
    await publishChunks(parts, portions);
    for (const { request } of portions) requestIds.add(request.requestId);
    people += countPeople(portions);
  }
  return { requestIds, people };
}

async function readHealth(db: Db, requests: readonly Driven[]): Promise<Map<string, Health>> {
  const { rows } = await withDatabase(() =>
    sql<Health>`
      select r.request_id as "requestId", r.heal_rounds as rounds, coalesce(c.ended, 0) <> r.progress_count as "hasMoved",
        greatest(r.stored_at, r.scheduled_at, r.started_at) < now() - make_interval(days => ${tooOldDays}) as "isTooOld"
      from requests r
      left join lateral (
        select sum(count) as ended from counters where request_id = r.request_id and state <> 'deferred'
      ) c on true
      where r.request_id = any(${requests.map(({ requestId }) => requestId)}::uuid[])`.execute(db),
  );
  return new Map(rows.map((row) => [row.requestId, row]));
}

/** From here on it is left alone for a while. A round that somebody else has counted meanwhile is not counted again. */
async function noteRound(db: Db, health: ReadonlyMap<string, Health>, published: ReadonlySet<string>): Promise<void> {
  const rows = [...health.values()].map(({ requestId, rounds, hasMoved }) => ({
    request_id: requestId,
    before: rounds,
    rounds: hasMoved ? 0 : rounds + (published.has(requestId) ? 1 : 0),
  }));
  await withDatabase(() =>
    sql`
      update requests r set progress_at = now(), heal_rounds = n.rounds, progress_count = coalesce((
          select sum(count) from counters where request_id = r.request_id and state <> 'deferred'), 0)
      from json_to_recordset(${JSON.stringify(rows)}::json) as n (request_id uuid, before int, rounds int)
      where r.request_id = n.request_id and r.heal_rounds = n.before and r.ended_at is null`.execute(db),
  );
}
