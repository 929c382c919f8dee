// F15: the relay refuses everybody for a while with an answer that says "later", then with one that says "never" and means
// us, then works again. Nobody fails for what is not theirs, everybody is sent, and what comes back is spread.
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { liftHolds } from '../harness/holds.ts';
import { createLoad } from '../harness/load.ts';
import { judge, type Scenario, type Stage, type Verdict } from '../harness/scenario.ts';
import { letTimeCome } from '../harness/waiting.ts';
import { calmScript } from '../sink/script.ts';
import { always, type MailTrouble } from '../sink/trouble.ts';

const calmMs = 30_000;
const refusedMs = 600_000;
/** The pace of the mail server before the trouble; afterwards it takes whatever comes. */
const calmPerSecond = 200;
/** Times the calm pace: what comes back in any one second may not be more. */
const mostTimesCalm = 3;
/** What puts itself on hold lifts itself after 15 minutes at most; in the short form a person does it. */
const drainWithinMs = 45 * 60_000;
/** In the short form: then the time comes of those who would wait for a quarter of an hour and more. */
const shortPatienceMs = 120_000;

const later: readonly [string, ...string[]] = [
  '451 4.7.1 service unavailable, try again later',
  '451 4.3.0 temporary system problem',
  '450 4.7.0 too many messages from your address',
];
const never: readonly [string, ...string[]] = [
  '554 5.7.1 relaying denied: sender not authorized',
  '554 5.7.1 service unavailable; client host blocked',
  '550 5.7.1 message rejected due to policy',
];

export const refusesEverybody: Scenario = {
  name: 'F15',
  title: 'the mail server refuses everybody 10 min with 451, 10 min with 554 5.7.1, then recovers',
  async run(stage) {
    const { world, random, log, people, scale, from } = stage;
    const at = random.pick<MailTrouble['at']>(['RCPT', 'message']);
    const [first, second] = [random.pick(later), random.pick(never)];
    await world.sink.follow({ ...calmScript, perSecond: calmPerSecond });
    // Few single requests: what has to wait for twenty minutes is counted, not made more of.
    const load = createLoad(world, { people, singlesPerSecond: Math.min(5, stage.singlesPerSecond), from });
    await load.begin();
    await sleep(calmMs * scale);
    for (const reply of [first, second]) {
      log(`everybody is refused with "${reply}" at ${at}`);
      await world.sink.follow({ ...calmScript, everybody: { at, reply, times: always } });
      await sleep(refusedMs * scale);
      log(await describe(stage));
    }
    log('the mail server takes everything again');
    const recoveredAtMs = Date.now();
    await world.sink.follow(calmScript);
    await load.end();
    const lifting = scale < 1 ? liftHolds(stage) : undefined;
    const end = judge(stage, [load], {
      doublesAtMost: 0,
      unknownAtMost: 0,
      drainWithinMs: scale < 1 ? 10 * 60_000 : drainWithinMs,
    });
    const verdict = scale < 1 ? await letTimeCome(world, end, performance.now() + shortPatienceMs) : await end;
    const liftedCount = (await lifting?.stop()) ?? 0;
    const back = await countBack(stage, recoveredAtMs, scale < 1 ? recoveredAtMs + shortPatienceMs : Date.now());
    const faults = [...verdict.faults];
    if (back.mostPerSecond > mostTimesCalm * calmPerSecond) {
      faults.push(`${back.mostPerSecond} came back in one second, ${mostTimesCalm * calmPerSecond} may`);
    }
    const lastAtMs = world.sink.accepted().at(-1)?.atMs ?? recoveredAtMs;
    const notes: Verdict['notes'] = {
      'refused at': at,
      'came back after a refusal': back.count,
      'most of them in one second': back.mostPerSecond,
      'holds lifted by hand': liftedCount,
      'from recovery to the last mail, s': Math.round((lastAtMs - recoveredAtMs) / 1_000),
    };
    return { ...verdict, faults, notes };
  },
};

/** Those who had been refused before: their second try or a later one was taken. */
async function countBack({ world }: Stage, fromMs: number, untilMs: number) {
  const { rows } = await sql<{ notification_id: string }>`
    select notification_id from deliveries where state = 'sent' and attempt > 1`.execute(world.db);
  const again = new Set(rows.map(({ notification_id }) => notification_id));
  const back = world.sink
    .accepted()
    .filter(({ notificationId, atMs }) => atMs >= fromMs && atMs < untilMs && again.has(notificationId));
  const seconds = new Map<number, number>();
  for (const { atMs } of back) {
    const second = Math.floor(atMs / 1_000);
    seconds.set(second, (seconds.get(second) ?? 0) + 1);
  }
  return { count: back.length, mostPerSecond: Math.max(0, ...seconds.values()) };
}

async function describe({ world }: Stage): Promise<string> {
  const { rows } = await sql<{ state: string; reason: string; count: number }>`
    select state, reason, count(*)::int as count from deliveries group by 1, 2 order by 1, 2`.execute(world.db);
  return rows.map(({ state, reason, count }) => `${state}${reason && `(${reason})`} ${count}`).join(', ');
}
