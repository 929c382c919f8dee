// F16: the clocks of one dispatcher jump by 90 s in the middle of its slices, forwards and back, both of them and one alone; and
// it is stopped for 90 s while its monotonic clock stands still, as in a virtual machine that was paused. A second dispatcher
// takes over what the lease no longer covers. Nobody is mailed by both.
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../../support/eventually.ts';
import type { ExtraService } from '../harness/extra-service.ts';
import { createLoad, type Load } from '../harness/load.ts';
import { inFlightAtBreak, judge, type Scenario, type Stage } from '../harness/scenario.ts';
import { calmScript } from '../sink/script.ts';

const jumps = ['both:90000', 'both:-90000', 'date:90000', 'date:-90000'] as const;
const afterJumpMs = 15_000;
/** Longer than a lease lasts (60 s). */
const suspendedMs = 90_000;
const afterWakingMs = 20_000;
const rounds = 2;
/**
 * Around the moment of the stop, for what was taken first. Before it: a mail that was taken longer ago has its answer written
 * down, since a dispatcher waits 5 s for an answer here (harness/world.ts) and then a moment to settle. After it: only what lay in
 * the buffers of its connections can still be taken. Nobody else can be meant so soon: its group misses it after 15 s, and its
 * claims last for 60 s, so a mail of the other one is never in this window and sent by the stopped one as well.
 */
const inFlightMs = 6_000;
/** Slowly, for every dispatcher to have much in hand at every moment. */
const mailingSeconds = 130;
const jumpsOfMailing = 2;
/** Of the people's numbers of two mailings. */
const apart = 60_000;

interface Suspension {
  /** Milliseconds since 1970 UTC. */
  fromMs: number;
}

export const clockJumps: Scenario = {
  name: 'F16',
  title:
    "a dispatcher's clocks jump 90 s in the middle of a slice, both and one alone, forwards and back; suspended 90 s",
  async run(stage) {
    const { world, random, log, people, singlesPerSecond, scale, from } = stage;
    const pace = Math.max(20, people / mailingSeconds);
    await world.sink.follow({ ...calmScript, perSecond: pace });
    const loads: Load[] = [];
    /** A mailing that lasts through what comes, of other people than the ones before. */
    const begin = async (singles: number) => {
      const options = { people, singlesPerSecond: singles, from: from + loads.length * apart };
      const load = createLoad(world, options);
      loads.push(load);
      await load.begin();
    };
    const [first, ...others] = random.shuffle(jumps);
    const kinds = scale < 1 ? [first ?? jumps[0]] : [first ?? jumps[0], ...others];
    for (const [at, kind] of kinds.entries()) {
      const jumper = await startJumper(stage, kind);
      if (at % jumpsOfMailing === 0) await begin(at === 0 ? Math.min(20, singlesPerSecond) : 0);
      await jump(stage, jumper, pace);
    }

    const suspensions: Suspension[] = [];
    for (let round = 0; round < (scale < 1 ? 1 : rounds); round++) {
      const { service } = await startJumper(stage, 'suspended');
      await begin(0);
      await untilItSends(stage, pace);
      log('one dispatcher is suspended, its monotonic clock stands still');
      process.kill(service.pid, 'SIGSTOP');
      const fromMs = Date.now();
      await sleep(suspendedMs);
      process.kill(service.pid, 'SIGCONT');
      log('it goes on');
      suspensions.push({ fromMs });
      await sleep(afterWakingMs);
      await service.stop();
    }
    for (const load of loads) await load.end();
    await world.sink.follow(calmScript);
    const verdict = await judge(stage, loads, {
      doublesAtMost: suspensions.length * inFlightAtBreak,
      unknownAtMost: suspensions.length * inFlightAtBreak,
      drainWithinMs: 300_000,
    });
    const dishonest = findDishonest(stage, [...verdict.tally.doubleResend, ...verdict.tally.doublePark], suspensions);
    return {
      ...verdict,
      faults: [...verdict.faults, ...dishonest.slice(0, 10)],
      notes: {
        'came twice in the honest window': verdict.tally.doubleResend.length - dishonest.length,
        'came twice beyond it': dishonest.length,
      },
    };
  },
};

interface Jumper {
  kind: string;
  service: ExtraService;
}

async function startJumper({ world }: Stage, kind: string): Promise<Jumper> {
  const preload = join(import.meta.dirname, '../harness/clock-jump.ts');
  const service = await world.startExtra('dispatcher', { CLOCK_JUMP: kind, NODE_OPTIONS: `--import ${preload}` });
  return { kind, service };
}

async function jump(stage: Stage, { kind, service }: Jumper, pace: number): Promise<void> {
  await untilItSends(stage, pace);
  stage.log(`the clocks of one dispatcher jump: ${kind}`);
  process.kill(service.pid, 'SIGUSR2');
  await sleep(afterJumpMs * stage.scale);
  await service.stop();
}

/** A dispatcher that has joined its groups gets its partitions within seconds, and then has claims in hand all the time. */
async function untilItSends({ world }: Stage, pace: number): Promise<void> {
  const from = world.sink.accepted().length;
  await sleep(5_000);
  await eventually(() => world.sink.accepted().length > from + pace, 'mails go out', 60_000);
}

/**
 * The honest window: taken just before the process was stopped, its answer not written down, and sent once more when the lease
 * of that claim was over. Any other double is the work of a process that thought that its claims were still its own: what the
 * other has sent while it was stopped.
 */
function findDishonest({ world }: Stage, ids: readonly string[], suspensions: readonly Suspension[]): string[] {
  const times = new Map<string, number[]>();
  for (const { notificationId, atMs } of world.sink.accepted()) {
    times.set(notificationId, [...(times.get(notificationId) ?? []), atMs]);
  }
  return ids.flatMap((id) => {
    const [first = 0, ...again] = times.get(id) ?? [];
    const isHonest = again.length === 1 && suspensions.some(({ fromMs }) => Math.abs(first - fromMs) < inFlightMs);
    return isHonest ? [] : [`${id} came at ${[first, ...again].map((ms) => new Date(ms).toISOString()).join(' and ')}`];
  });
}
