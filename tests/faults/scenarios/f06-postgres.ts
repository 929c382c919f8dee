// F6: Postgres is killed for 30 s, and later all its sessions are ended every 3 s.
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { serviceNames } from '../../../dev/services.ts';
import { createLoad } from '../harness/load.ts';
import { judge, type Scenario, type Stage } from '../harness/scenario.ts';

const downMs = 30_000;
const endings = 10;
const endEveryMs = 3_000;
const recoversWithinMs = 10_000;

export const postgresGoes: Scenario = {
  name: 'F6',
  title: 'Postgres killed 30 s; all its sessions ended every 3 s',
  async run(stage) {
    const { world, log, people, singlesPerSecond, scale, from } = stage;
    const { postgres } = world.parts;
    const pids = () => serviceNames.map((name) => world.launched.services.pid(name));
    const pidsBefore = pids();
    const load = createLoad(world, { people, singlesPerSecond, from });
    await load.begin();
    while (world.sink.accepted().length < people / 10) await sleep(50);
    log('kills Postgres');
    await postgres.stop('SIGKILL');
    await sleep(downMs * scale);
    log('starts Postgres');
    await postgres.start();
    const recovered = await measureRecovery(stage);
    log(`mail again after ${recovered.mailMs} ms, all ready after ${recovered.readyMs} ms`);
    for (let ending = 0; ending < endings * scale; ending++) {
      await sleep(endEveryMs);
      const { rows } = await sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and application_name <> 'fault-harness'`.execute(
        world.db,
      );
      log(`ends ${rows.length} sessions`);
    }
    await load.end();
    const verdict = await judge(stage, [load], { doublesAtMost: 0, unknownAtMost: 0, drainWithinMs: 240_000 });
    const slowest = Math.max(recovered.mailMs, recovered.readyMs);
    if (slowest > recoversWithinMs)
      verdict.faults.push(`recovered after ${slowest} ms, ${recoversWithinMs} are allowed`);
    if (String(pids()) !== String(pidsBefore)) verdict.faults.push('a service has died');
    return {
      ...verdict,
      notes: {
        'next mail after, s': (recovered.mailMs / 1_000).toFixed(1),
        'all ready after, s': (recovered.readyMs / 1_000).toFixed(1),
      },
    };
  },
};

/** From the moment Postgres answers again, milliseconds; a minute at most. */
async function measureRecovery({ world }: Stage): Promise<{ mailMs: number; readyMs: number }> {
  const startedAtMs = performance.now();
  const mailCount = world.sink.accepted().length;
  const since = () => Math.round(performance.now() - startedAtMs);
  let mailMs: number | undefined;
  let readyMs: number | undefined;
  while ((mailMs === undefined || readyMs === undefined) && since() < 60_000) {
    if (world.sink.accepted().length > mailCount) mailMs ??= since();
    const waits = await Promise.all(serviceNames.map((name) => world.waitingFor(name)));
    if (waits.every((waiting) => waiting?.length === 0)) readyMs ??= since();
    await sleep(50);
  }
  return { mailMs: mailMs ?? since(), readyMs: readyMs ?? since() };
}
