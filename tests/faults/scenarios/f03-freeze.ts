// F3: each service is frozen for longer than a lease lasts, and wakes up not knowing it. A second dispatcher takes over what
// the frozen one had in hand; what had ended by the time it wakes must stay as it is.
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import type { ServiceName } from '../../../dev/services.ts';
import { createLoad } from '../harness/load.ts';
import { inFlightAtBreak, judge, type Scenario, type Stage } from '../harness/scenario.ts';
import type { World } from '../harness/world.ts';

const frozenMs = 60_000;
/** A lease lasts 60 s: what the frozen dispatcher had in hand is taken over only after that. */
const dispatcherFrozenMs = 75_000;
const nextAfterMs = 20_000;

interface Ended {
  state: string;
  attempt: number;
  ended_at_ms: number;
}

export const freeze: Scenario = {
  name: 'F3',
  title: 'each service frozen (SIGSTOP) 60 s, the dispatcher 75 s beside a second one, then continued',
  async run(stage) {
    const { world, random, log, people, singlesPerSecond, from } = stage;
    const second = await world.startExtra('dispatcher');
    const load = createLoad(world, { people, singlesPerSecond, from });
    await load.begin();
    // The dispatcher in the middle of the mailing, where it has most in hand; the others one after the other meanwhile.
    const others = random.shuffle(['ingest', 'planner', 'enricher', 'renderer'] as const);
    const isMailing = () => world.sink.accepted().length >= people / 10;
    while (!isMailing()) await sleep(50);
    const changedAfterWaking = freezeDispatcher(stage);
    for (const name of others) {
      await sleep(nextAfterMs * stage.scale);
      void freezeOne(stage, name);
    }
    await sleep(frozenMs * stage.scale);
    const zombie = await changedAfterWaking;
    await load.end();
    const verdict = await judge(stage, [load], {
      doublesAtMost: inFlightAtBreak,
      unknownAtMost: inFlightAtBreak,
      drainWithinMs: 240_000,
    });
    await second.stop();
    const changed = [...zombie.endedBefore].filter(([id, before]) => {
      const after = zombie.endedAfter.get(id);
      return (
        after?.state !== before.state || after.attempt !== before.attempt || after.ended_at_ms !== before.ended_at_ms
      );
    });
    if (changed.length > 0) {
      verdict.faults.push(
        `${changed.length} rows that had ended were changed after the zombie woke, such as ${changed[0]?.[0]}`,
      );
    }
    log(`${zombie.takenOver} claims were taken over, ${changed.length} ended rows changed`);
    return { ...verdict, notes: { 'claims taken over from the frozen one': zombie.takenOver } };
  },
};

async function freezeOne({ world, log, scale }: Stage, name: ServiceName, forMs = frozenMs): Promise<void> {
  const pid = world.launched.services.pid(name);
  if (pid === undefined) return;
  log(`freezes the ${name}`);
  world.launched.services.kill(name, 'SIGSTOP');
  await sleep(forMs * scale);
  log(`continues the ${name}`);
  // Only the very process that was frozen: its successor would not know what to make of it.
  if (world.launched.services.pid(name) === pid) world.launched.services.kill(name, 'SIGCONT');
}

async function freezeDispatcher(stage: Stage) {
  const { world } = stage;
  const frozen = freezeOne(stage, 'dispatcher', dispatcherFrozenMs / stage.scale);
  // Its last statements are on their way to Postgres.
  await sleep(dispatcherFrozenMs - 5_000);
  const endedBefore = await readEnded(world);
  const takenOver = [...endedBefore.values()].filter(({ attempt }) => attempt > 1).length;
  await frozen;
  await sleep(10_000);
  return { endedBefore, endedAfter: await readEnded(world), takenOver };
}

async function readEnded({ db }: World): Promise<Map<string, Ended>> {
  const { rows } = await sql<Ended & { notification_id: string }>`
    select notification_id, state, attempt, extract(epoch from ended_at)::double precision * 1000 as ended_at_ms
    from deliveries where ended_at is not null`.execute(db);
  return new Map(rows.map(({ notification_id, ...row }) => [notification_id, row]));
}
