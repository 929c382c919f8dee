// F14: in every lane, by mail and by SMS, there is somebody whom the outside always answers as if it were down itself, and
// somebody of whom the user service says nothing usable. They come first in a quiet lane, and again within a mailing. Nobody
// else notices: everybody is sent within 15 s, and every service stays ready.
import { setTimeout as sleep } from 'node:timers/promises';
import type { Channel } from '../../../domain/ids.ts';
import { priorities } from '../../../lib/topics.ts';
import type { User } from '../../../user-mock/users.ts';
import { eventually } from '../../support/eventually.ts';
import { createLaneLoad, type LaneLoad } from '../harness/lane-load.ts';
import { allServices, watchProcesses } from '../harness/processes.ts';
import type { Random } from '../harness/random.ts';
import { judge, type Scenario, type Stage, type Verdict } from '../harness/scenario.ts';
import { measureCalm, waitForAll } from '../harness/sent-in-time.ts';
import { describeWaits, watchWaits } from '../harness/wait-watch.ts';
import { letTimeCome, readWaiting } from '../harness/waiting.ts';
import { calmScript } from '../sink/script.ts';
import { always, type MailTrouble, type SmsTrouble } from '../sink/trouble.ts';

const withinMs = 15_000;
const workMs = 60_000;
const quietMs = 15_000;
/** Of people whom the run itself does not reach. */
const calmFrom = 100_000;
const channels = ['email', 'sms'] as const;

const mailPoison: readonly [string, MailTrouble][] = [
  ['451 4.3.0 to RCPT', { at: 'RCPT', reply: '451 4.3.0 temporary lookup failure', times: always }],
  ['421 to RCPT, and closed', { at: 'RCPT', reply: '421 4.3.2 closing', afterwards: 'close', times: always }],
  ['reset at RCPT', { at: 'RCPT', afterwards: 'reset', times: always }],
  ['no answer to RCPT', { at: 'RCPT', reply: '', times: always }],
  ['452 4.3.1 at the final dot', { at: 'message', reply: '452 4.3.1 insufficient system storage', times: always }],
  ['503 5.5.1 to DATA', { at: 'DATA', reply: '503 5.5.1 bad sequence', times: always }],
];
const smsPoison: readonly [string, SmsTrouble][] = [
  ['SMS 500', { status: 500, body: '{"error":"routing"}', times: always }],
  ['SMS hangs', { pauseMs: 60_000, times: always }],
  ['SMS 403', { status: 403, body: 'not this number', times: always }],
  ['SMS reset', { afterwards: 'reset', times: always }],
];
/** What the user service says of somebody. */
const userPoison: readonly [string, (user: User) => unknown[]][] = [
  ['a user without id', ({ id: _, ...user }) => [user]],
  ['a user whose id is a number', (user) => [{ ...user, id: 17 }]],
  ['null in the place of a user', () => [null]],
  ['a user with the id of nobody', (user) => [{ ...user, id: '' }]],
];

export const poisonedRecipients: Scenario = {
  name: 'F14',
  title:
    'one poisoned recipient in each lane and channel, alone first, then during a mailing; users without a usable id',
  async run(stage) {
    const { world, log, people, singlesPerSecond, scale, from } = stage;
    const load = createLaneLoad(world, from);
    const calmMs = scale < 1 ? await measureCalm(world, from + calmFrom) : 0;
    const poison = await choosePoison(stage, load);
    const watch = watchWaits(world, allServices);
    const ended = watchProcesses(world);

    for (const { priority, channel, users } of poison.people) await load.send(priority, channel, users);
    log(`alone in their lanes: ${poison.kinds.join(', ')}`);
    await sleep(quietMs * scale);
    const perLane = Math.max(20, Math.floor(people / 40));
    const sending = poison.people.map(({ priority, channel }, at) => {
      const [first, second] = load.take(2) as [User, User];
      poison.add(at, first, second);
      return { priority, channel, users: [first, ...load.take(perLane), second] };
    });
    await poison.follow();
    for (const { priority, channel, users } of sending) await load.send(priority, channel, users);
    log(
      `${perLane} others and two poisoned in each lane by mail and by SMS; ${singlesPerSecond} single requests a second`,
    );
    await runSingles(stage, load, workMs * scale);

    const others = [...load.planned].filter(([, { user }]) => !poison.isPoisoned(user));
    const slow = await measureOthers(
      stage,
      others.map(([id, { acceptedAtMs, priority, channel }]) => ({ id, acceptedAtMs, lane: `${priority}/${channel}` })),
      withinMs + calmMs,
    );
    const watched = await watch.stop();
    const poisonedIds = [...load.planned].filter(([, { user }]) => poison.isPoisoned(user)).map(([id]) => id);
    await eventually(
      async () => (await readWaiting(world, poisonedIds)).undue.length === 0,
      'every poisoned one has an end or is due at some time',
      90_000,
    ).catch(() => {});
    const waiting = await readWaiting(world, poisonedIds);

    log(`${waiting.dueAtMs.size} poisoned ones wait; the outside works again, and their time comes`);
    await world.sink.follow(calmScript);
    world.userProxy.rule = () => undefined;
    const end = judge(stage, [load], {
      doublesAtMost: 0,
      unknownAtMost: 0,
      mayEndAnyhow: new Set(poisonedIds),
      drainWithinMs: 120_000,
    });
    const verdict = await letTimeCome(world, end);
    const faults = [...verdict.faults, ...slow.faults];
    for (const [name, one] of watched) {
      if (one.readyCount < one.answerCount) faults.push(`the ${name} was not ready: ${describeWaits(one)}`);
    }
    if (waiting.undue.length > 0)
      faults.push(`${waiting.undue.length} poisoned ones have neither an end nor a due time`);
    if (ended().length > 0) faults.push(`these ended: ${ended().join(', ')}`);
    const notes: Verdict['notes'] = {
      poisoned: poisonedIds.length,
      'that waited with a due time': waiting.dueAtMs.size,
      others: others.length,
      'slowest of the others, s': (slow.slowestMs / 1_000).toFixed(1),
    };
    return { ...verdict, faults, notes };
  },
};

interface Poison {
  kinds: string[];
  people: { priority: (typeof priorities)[number]; channel: Channel; users: User[] }[];
  /** Two more with the poison of a lane: one by what the outside answers, one by what the user service says. */
  add(lane: number, answered: User, described: User): void;
  isPoisoned(user: User): boolean;
  follow(): Promise<void>;
}

/** By the seed: a kind for each lane and channel, none twice while there are others. */
async function choosePoison({ world, random }: Stage, load: LaneLoad): Promise<Poison> {
  const mailTroubles: Record<string, MailTrouble> = {};
  const smsTroubles: Record<string, SmsTrouble> = {};
  const described = new Map<string, (user: User) => unknown[]>();
  const poisoned = new Set<string>();
  const kinds = { email: deal(random, mailPoison), sms: deal(random, smsPoison), user: deal(random, userPoison) };
  const lanes = priorities.flatMap((priority) => channels.map((channel) => ({ priority, channel })));
  const poisonOf = lanes.map(({ channel }) => ({
    mail: channel === 'email' ? kinds.email() : undefined,
    sms: channel === 'sms' ? kinds.sms() : undefined,
    user: kinds.user(),
  }));
  const add: Poison['add'] = (lane, answeredUser, describedUser) => {
    const poison = poisonOf[lane];
    if (!poison) return;
    if (poison.mail && answeredUser.email) mailTroubles[answeredUser.email.toLowerCase()] = poison.mail[1];
    if (poison.sms && answeredUser.phone) smsTroubles[answeredUser.phone] = poison.sms[1];
    described.set(describedUser.id, poison.user[1]);
    for (const { id } of [answeredUser, describedUser]) poisoned.add(id);
  };
  const people = lanes.map((lane, at) => {
    const [answeredUser, describedUser] = load.take(2) as [User, User];
    add(at, answeredUser, describedUser);
    return { ...lane, users: [answeredUser, describedUser] };
  });
  world.userProxy.rule = (user) => described.get(user.id)?.(user as User);
  const follow = () => world.sink.follow({ ...calmScript, mailTroubles, smsTroubles });
  await follow();
  return {
    kinds: [...new Set(poisonOf.flatMap(({ mail, sms, user }) => [mail?.[0] ?? sms?.[0] ?? '', user[0]]))],
    people,
    add,
    isPoisoned: ({ id }) => poisoned.has(id),
    follow,
  };
}

function deal<T>(random: Random, values: readonly T[]): () => T {
  const shuffled = random.shuffle(values);
  let at = 0;
  return () => shuffled[at++ % shuffled.length] as T;
}

/** One after the other in every lane and channel, for so long. */
async function runSingles({ singlesPerSecond }: Stage, load: LaneLoad, forMs: number): Promise<void> {
  const untilMs = performance.now() + forMs;
  const underWay = new Set<Promise<unknown>>();
  for (let at = 0; performance.now() < untilMs; at++) {
    const priority = priorities[at % priorities.length] ?? 'high';
    const channel = channels[Math.floor(at / priorities.length) % 2] ?? 'email';
    const sent: Promise<unknown> = load.send(priority, channel, load.take(1)).finally(() => underWay.delete(sent));
    underWay.add(sent);
    await sleep(1_000 / singlesPerSecond);
  }
  await Promise.all(underWay);
}

/** Waits until everybody of these is sent, or the time of the last one is over. */
async function measureOthers(
  { world }: Stage,
  others: readonly { id: string; acceptedAtMs: number; lane: string }[],
  allowedMs: number,
) {
  const acceptedAtMs = new Map(others.map((one) => [one.id, one.acceptedAtMs]));
  const delays = await waitForAll(world, acceptedAtMs, 2 * allowedMs);
  const missing = delays.filter((ms) => ms === Number.POSITIVE_INFINITY).length;
  const late = delays.filter((ms) => ms > allowedMs).length - missing;
  const lanes = [...new Set(others.filter((_, at) => (delays[at] ?? 0) > allowedMs).map(({ lane }) => lane))].join(
    ', ',
  );
  const faults: string[] = [];
  if (missing > 0)
    faults.push(
      `${missing} of ${others.length} others were not sent within ${Math.round((2 * allowedMs) / 1_000)} s: ${lanes}`,
    );
  if (late > 0)
    faults.push(`${late} of ${others.length} others waited longer than ${Math.round(allowedMs / 1_000)} s: ${lanes}`);
  return { faults, slowestMs: delays.filter(Number.isFinite).reduce((most, ms) => Math.max(most, ms), 0) };
}
