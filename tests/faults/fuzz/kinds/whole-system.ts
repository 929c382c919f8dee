// Messages through the whole running system while everything around it answers as nobody has thought of: mail server, SMS
// gateway and user service by chance, contexts that break templates, and poison records of a foreign producer among them.
// Whoever meets none of that is sent in time; whoever does ends, or waits with a due time; the numbers balance.
import fc from 'fast-check';
import type { Channel } from '../../../../domain/ids.ts';
import { type Priority, priorities } from '../../../../lib/topics.ts';
import type { User } from '../../../../user-mock/users.ts';
import { eventually } from '../../../support/eventually.ts';
import { addTemplate } from '../../../support/templates.ts';
import { startForeignProducer } from '../../harness/foreign-producer.ts';
import { watchHealth } from '../../harness/health-watch.ts';
import { createLaneLoad, type LaneLoad, Refusal } from '../../harness/lane-load.ts';
import { allServices, watchProcesses } from '../../harness/processes.ts';
import { createRandom, type Random, shareOf } from '../../harness/random.ts';
import { judge } from '../../harness/scenario.ts';
import { measureCalm, waitForAll } from '../../harness/sent-in-time.ts';
import { letTimeCome, readWaiting } from '../../harness/waiting.ts';
import type { World } from '../../harness/world.ts';
import { createWrittenLoad } from '../../harness/written-load.ts';
import { listPoison } from '../../poison/kinds.ts';
import { createPoisonKit } from '../../poison/kit.ts';
import { calmScript, mailTroubleOf, type Script, smsTroubleOf } from '../../sink/script.ts';
import { toOddUser } from '../generators/odd-users.ts';
import { people as oddPeople } from '../generators/templates.ts';
import type { Around, FuzzFailure, FuzzKind, FuzzResult } from '../kind.ts';
import type { RunOptions } from '../run-kind.ts';

const withinMs = 15_000;
/** Of people whom no round reaches. */
const calmFrom = 300_000;
const channels = ['email', 'sms'] as const;
/** In each lane, by mail and by SMS, in one round. */
const perLane = 80;
const oddContextPeople = 8;
const poisonPerRound = 4;
const madeUpShare = 0.12;
const oddUserShare = 0.03;
/** Rounds that are under way at the same time. */
const mostUnderWay = 2;
const oddTemplates = ['fuzz-raw', 'fuzz-text', 'fuzz-sms'] as const;

export const wholeSystem: FuzzKind = {
  name: 'system',
  title: 'messages through the whole system',
  casesOfMillion: 50_000,
  needs: 'system',
  run: runWholeSystem,
};

interface Round {
  number: number;
  /** Of those who meet no trouble: notification id to when it was accepted. */
  clean: Map<string, number>;
}

async function runWholeSystem(
  { world, log, isAlone }: Around,
  { seed, cases, untilMs }: RunOptions,
): Promise<FuzzResult> {
  if (!world) throw new Error('this kind needs the system');
  const needed = world;
  const startedAtMs = performance.now();
  const script: Script = { ...calmScript, seed, madeUpShare };
  const random = createRandom(seed);
  const load = createLaneLoad(world, seed % 1_000);
  const written = createWrittenLoad(world);
  const health = await watchHealth(world, allServices);
  const ended = watchProcesses(world);
  const failures: FuzzFailure[] = [];
  const fail = (round: number, fault: string) => {
    failures.push({ kind: 'system', case: `system:${seed}:${round}`, fault, input: '' });
    log(`NOT HELD: system, round ${round}: ${fault}`);
  };
  const anyhow = new Set<string>();
  const odd = (user: User) => shareOf(seed, `odd ${user.id}`) < oddUserShare;
  let slowestMs = 0;
  const allowedMs = withinMs + (isAlone ? 0 : await measureCalm(world, calmFrom));

  await addOddTemplates(world);
  world.userProxy.rule = (user) => (odd(user as User) ? toOddUser(seed, user as User) : undefined);
  await world.sink.follow(script);
  const writePoison = await startPoison(world, random);
  try {
    const underWay = new Set<Promise<void>>();
    let shownAtMs = startedAtMs;
    for (let number = 0; load.planned.size < cases && performance.now() < untilMs; number++) {
      const round = await sendRound(number);
      const watching: Promise<void> = watchRound(round).finally(() => underWay.delete(watching));
      underWay.add(watching);
      if (underWay.size >= mostUnderWay) await Promise.race(underWay);
      reportHealth(number);
      if (performance.now() - shownAtMs > 10_000) {
        shownAtMs = performance.now();
        log(`system: ${load.planned.size} of ${cases} messages, ${failures.length} faults`);
      }
    }
    await Promise.all(underWay);
    await settleAll();
  } finally {
    await writePoison.stop();
    await health.stop();
    world.userProxy.rule = () => undefined;
    await world.sink.follow(calmScript);
  }
  return {
    kind: 'system',
    title: wholeSystem.title,
    cases: load.planned.size + written.planned.size,
    seconds: Math.round((performance.now() - startedAtMs) / 1_000),
    slowestMs: Math.round(slowestMs),
    failures,
  };

  async function sendRound(number: number): Promise<Round> {
    const clean = new Map<string, number>();
    for (const priority of priorities) {
      for (const channel of channels) {
        const users = load.take(perLane);
        const ids = await load.send(priority, channel, users);
        for (const [at, user] of users.entries()) {
          const id = ids[at] ?? '';
          if (odd(user) || meetsTrouble(channel, user)) anyhow.add(id);
          else clean.set(id, load.planned.get(id)?.acceptedAtMs ?? 0);
        }
      }
    }
    const ids = await sendOddContext(load, random, number);
    for (const id of ids) anyhow.add(id);
    for (const id of await writePoison.write()) {
      written.expectFailed(id);
      anyhow.add(id);
    }
    return { number, clean };
  }

  function meetsTrouble(channel: Channel, { email, phone }: User): boolean {
    return channel === 'email'
      ? mailTroubleOf(script, email ?? '') !== undefined
      : smsTroubleOf(script, phone ?? '') !== undefined;
  }

  async function watchRound({ number, clean }: Round): Promise<void> {
    const delays = await waitForAll(needed, clean, 2 * allowedMs);
    slowestMs = delays.filter(Number.isFinite).reduce((most, ms) => Math.max(most, ms), slowestMs);
    const late = delays.filter((ms) => ms > allowedMs).length;
    if (late > 0)
      fail(
        number,
        `${late} of ${clean.size} who meet no trouble waited longer than ${Math.round(allowedMs / 1_000)} s`,
      );
    if (ended().length > 0) fail(number, `these ended: ${ended().join(', ')}`);
  }

  function reportHealth(number: number): void {
    const slow = health.takeSlow();
    const [first] = slow;
    if (first) fail(number, `/healthz took too long ${slow.length} times, such as ${first.service} ${first.ms} ms`);
  }

  async function settleAll(): Promise<void> {
    if (!world) return;
    const ids = [...load.planned.keys()];
    let undue: string[] = [];
    await eventually(
      async () => {
        undue = (await readWaiting(world, ids)).undue;
        return undue.length === 0;
      },
      'everybody has an end or a due time',
      60_000,
    ).catch(() => fail(-1, `${undue.length} have neither an end nor a due time, such as ${undue[0]}`));
    log('the outside works again, and the time of everybody who waits has come');
    await world.sink.follow(calmScript);
    world.userProxy.rule = () => undefined;
    const repeatable = [...load.planned.values()].filter(({ email, channel }) => {
      const trouble = channel === 'email' ? mailTroubleOf(script, email ?? '') : undefined;
      // The server has it, and what it says may be no answer.
      return trouble?.at === 'message' && (trouble.isTaken || trouble.reply?.startsWith('2'));
    }).length;
    const stage = { world, seed, random, people: 0, singlesPerSecond: 0, scale: 1, from: 0, log };
    const end = judge(stage, [load, written], {
      doublesAtMost: repeatable,
      unknownAtMost: 0,
      mayEndAnyhow: anyhow,
      drainWithinMs: 180_000,
    });
    const verdict = await letTimeCome(world, end);
    for (const fault of verdict.faults) fail(-1, fault);
  }
}

async function addOddTemplates({ db }: World): Promise<void> {
  await addTemplate(db, { templateId: 'fuzz-raw', subject: '{{ a }}', html: '{{ body | raw }}' });
  await addTemplate(db, {
    templateId: 'fuzz-text',
    subject: '{{ body }}',
    text: '{% for i in items %}{{ i | append: body }}{% endfor %}{{ body | strip_html | split: "" | sort }}',
  });
  await addTemplate(db, { templateId: 'fuzz-sms', channel: 'sms', text: '{{ body }}{{ a | json }}' });
}

/** One request whose context may break its template, for a few people, in some lane. @returns their notification ids */
async function sendOddContext(load: LaneLoad, random: Random, number: number): Promise<string[]> {
  const [person] = fc.sample(oddPeople, { seed: random.between(0, 2 ** 31), numRuns: 1 });
  const context = toContext(person?.context, number);
  const priority = random.pick<Priority>(['high', 'medium', 'low']);
  const template_id = random.pick<string>([...oddTemplates]);
  const channel = template_id === 'fuzz-sms' ? 'sms' : 'email';
  try {
    return await load.send(priority, channel, load.take(oddContextPeople), { template_id, context });
  } catch (error) {
    // A context that no template may get ends at the door.
    if (error instanceof Refusal && error.status === 422) return [];
    throw error;
  }
}

function toContext(text: string | undefined, number: number): object {
  // What broke the renderer once comes again and again.
  if (number % 10 === 0) return { body: '<b>'.repeat(20_000) };
  try {
    const context = JSON.parse(text ?? '{}') as unknown;
    return typeof context === 'object' && context !== null && !Array.isArray(context) ? context : {};
  } catch {
    return {};
  }
}

/** @returns what writes some poison records, and says who of them must have an end */
async function startPoison(world: World, random: Random) {
  const producer = await startForeignProducer(world);
  const kinds = listPoison(await createPoisonKit(world, producer, random));
  return {
    async write(): Promise<string[]> {
      const failed: string[] = [];
      const entries = Array.from({ length: poisonPerRound }, () => {
        const kind = kinds[random.between(0, kinds.length - 1)] as (typeof kinds)[number];
        const { value, headers, failed: named = [] } = kind.make();
        failed.push(...named);
        const partition = random.between(0, producer.partitionCount(kind.topic) - 1);
        return { topic: kind.topic, partition, key: 'poison', value, headers };
      });
      await producer.send(entries);
      return failed;
    },
    stop: () => producer.stop(),
  };
}
