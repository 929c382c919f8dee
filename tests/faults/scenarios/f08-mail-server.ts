// F8: the mail server refuses, hangs up, resets and falls silent by a script that is computed from the seed: so is the end
// of every single delivery. High priority has connections of its own and must not notice.
import { setTimeout as sleep } from 'node:timers/promises';
import { readLedger } from '../harness/drain.ts';
import { createLoad, type PlannedPerson, toSingle } from '../harness/load.ts';
import { judge, type Scenario, type Stage } from '../harness/scenario.ts';
import { letTimeCome } from '../harness/waiting.ts';
import { calmScript, type Fate, fateOf, isTakenUnanswered, type Script } from '../sink/script.ts';

const workMs = 20_000;
const slowMs = 20_000;
const silentMs = 180_000;
/**
 * For a mail of high priority, from its 202 to the server, while everything else stands still. In the short form, beside other
 * tests, as much more as the slowest took before the silence: who waits for the end of the silence is noticed all the same.
 */
const highWithinMs = 10_000;
/** More single requests than a run makes. */
const singlesKnown = 40_000;

export const mailServerLies: Scenario = {
  name: 'F8',
  title:
    'mail server: 10 % 451, 5 % 421 + close, 2 % 550; reset after the final dot 1 %; silence after it 0.5 %; 5 mails a second, then nothing for 3 min',
  async run(stage) {
    const { world, seed, log, people, singlesPerSecond, scale, from } = stage;
    const spared = new Set<string>();
    for (let index = 0; index < singlesKnown; index++) {
      const { user, priority } = toSingle(from, index);
      if (priority === 'high' && user.email) spared.add(user.email.toLowerCase());
    }
    const shares = { tempfail: 0.1, closing: 0.05, refused: 0.02, reset: 0.01, silent: 0.005 };
    const script: Script = { seed, shares, spared };
    await world.sink.follow(script);
    const load = createLoad(world, { people, singlesPerSecond, from });
    await load.begin();
    await sleep(workMs * scale);
    log('the mail server answers 5 mails a second');
    await world.sink.follow({ ...script, perSecond: 5 });
    await sleep(slowMs * scale);
    log('the mail server says nothing');
    const silentFromMs = Date.now();
    await world.sink.follow({ ...script, isSilent: true });
    await sleep(silentMs * scale);
    log('the mail server works again');
    await world.sink.follow(script);
    await load.end();

    const ids = (...fates: Fate[]) =>
      new Set(
        [...load.planned].filter(([, one]) => one.email && fates.includes(fateOf(script, one.email))).map(([id]) => id),
      );
    const refused = ids('refused');
    const unanswered = [...ids('reset', 'silent')];
    const repeated = unanswered.filter((id) => isRepeated(script, load.planned.get(id)));
    const parked = unanswered.filter((id) => load.planned.get(id)?.onNoAnswer === 'park');
    const end = judge(stage, [load], {
      doublesAtMost: repeated.length,
      unknownAtMost: parked.length,
      failed: refused,
      drainWithinMs: 600_000,
    });
    const verdict = scale < 1 ? await letTimeCome(world, end) : await end;
    await world.sink.follow(calmScript);
    const ledger = await readLedger(world);
    const isUnknown = ([id, { state }]: [string, { state: string }]) => load.planned.has(id) && state === 'unknown';
    const unknown = [...ledger].filter(isUnknown).map(([id]) => id);
    expectSame(verdict.faults, 'unknown', unknown, parked);
    expectSame(verdict.faults, 'came twice', verdict.tally.doubleResend, repeated);
    const high = delaysOfHigh(stage, load.planned);
    const calmMs = delaysOfHigh(stage, load.planned, silentFromMs).at(-1) ?? 0;
    if ((high.at(-1) ?? 0) > highWithinMs + (scale < 1 ? calmMs : 0))
      verdict.faults.push(`a mail of high priority came after ${high.at(-1)} ms`);
    return {
      ...verdict,
      notes: {
        'refused by the script': refused.size,
        'without an answer': unanswered.length,
        'high p50 / p99 / slowest, ms': [0.5, 0.99, 1].map((share) => percentile(high, share)).join(' / '),
      },
    };
  },
};

const isRepeated = (script: Script, person: PlannedPerson | undefined): boolean =>
  person?.onNoAnswer === 'resend' && person.email !== null && isTakenUnanswered(script, person.email);

function expectSame(faults: string[], what: string, found: readonly string[], wanted: readonly string[]): void {
  const [a, b] = [new Set(found), new Set(wanted)];
  const tooMany = [...a.difference(b)];
  const missing = [...b.difference(a)];
  if (tooMany.length > 0) faults.push(`${what}, against the script: ${tooMany.length}, such as ${tooMany[0]}`);
  if (missing.length > 0) faults.push(`not ${what}, against the script: ${missing.length}, such as ${missing[0]}`);
}

/** From their 202 to the server, milliseconds, the shortest first; of those that came before a time. */
function delaysOfHigh(
  { world }: Stage,
  planned: ReadonlyMap<string, PlannedPerson>,
  beforeMs = Number.POSITIVE_INFINITY,
): number[] {
  return world.sink
    .accepted()
    .flatMap(({ notificationId, atMs }) => {
      const person = planned.get(notificationId);
      return person?.priority === 'high' && atMs < beforeMs ? [atMs - person.acceptedAtMs] : [];
    })
    .sort((a, b) => a - b);
}

const percentile = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
