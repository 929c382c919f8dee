// F2: the dispatcher is killed exactly where it hurts: after a claim, between a body and its answer, between answers and
// their settling. Each time at least one message that resends and one that parks is in the middle of it.

import { eventually } from '../../support/eventually.ts';
import { readLedger } from '../harness/drain.ts';
import { type Death, findTaken, type InHand, killDispatcher } from '../harness/exposed.ts';
import { createLoad, type Load } from '../harness/load.ts';
import { judge, type Scenario, type Stage } from '../harness/scenario.ts';
import { createWindows, type Windows } from '../harness/windows.ts';
import { calmScript } from '../sink/script.ts';

const rounds = 3;
const unsettledAtMost = 100;
const connections = { high: 4, medium: 4, low: 8 } as const;

/** What was open when a dispatcher died. */
interface Hit extends Death {
  /** Claimed in window 1: certainly nobody of them has been mailed. */
  claimed: readonly string[];
  /** Held in window 2: certainly mailed, and without an answer. */
  unanswered: readonly string[];
  isUnsettled: boolean;
}

export const killDispatcherExactly: Scenario = {
  name: 'F2',
  title: 'dispatcher killed after claim, after the body before the answer, after the answer before settling',
  async run(stage) {
    const { world, log, people, singlesPerSecond, scale, from } = stage;
    const load = createLoad(world, { people, singlesPerSecond, from });
    const windows = createWindows(world);
    // Slowly, for the mailing to last through all deaths.
    await world.sink.follow({ ...calmScript, perSecond: Math.max(150, people / 40) });
    const before = world.sink.accepted().length;
    const hits: Hit[] = [];
    try {
      await load.begin();
      await eventually(() => world.sink.accepted().length > before + people / 20, 'the mailing is under way', 120_000);
      for (let death = 0; death < 3 * (scale < 1 ? 1 : rounds); death++) {
        const window = 1 + (death % 3);
        const hit = await strike(stage, windows, load, window);
        hits.push(hit);
        const taken = findTaken(hit, world.sink.accepted()).length;
        log(`killed in window ${window}: ${hit.inHand.length} in hand, ${taken} of them taken`);
      }
    } finally {
      world.postgresProxy.rule = () => ({ kind: 'pass' });
      await windows.open();
    }
    await load.end();
    await world.sink.follow(calmScript);
    return judgeHits(stage, load, hits);
  },
};

async function strike({ world }: Stage, windows: Windows, load: Load, window: number): Promise<Hit> {
  const resends = (id: string) => load.planned.get(id)?.onNoAnswer === 'resend';
  const parks = (id: string) => load.planned.get(id)?.onNoAnswer === 'park';
  const claimed = window === 1 ? await Promise.all([windows.holdClaim(resends), windows.holdClaim(parks)]) : [];
  const unanswered: string[] = [];
  if (window === 2) unanswered.push(await windows.holdMail('Subject: Resend'), await windows.holdMail('Subject: Park'));
  if (window === 3) await windows.holdSettling([resends, parks]);
  const death = await killDispatcher(world);
  // Whatever waited for the dead one goes nowhere: its connections have ended with it.
  await windows.open();
  return { ...death, claimed: claimed.flat(), unanswered, isUnsettled: window === 3 };
}

async function judgeHits(stage: Stage, load: Load, hits: readonly Hit[]) {
  const { world } = stage;
  const kindOf = (id: string) => load.planned.get(id)?.onNoAnswer;
  const accepted = () => world.sink.accepted();
  const taken = hits.map((hit) => findTaken(hit, accepted()));
  // The unanswered besides: a dispatcher that is killed late has given up waiting for their answers.
  const unanswered = hits.flatMap((hit) => hit.unanswered);
  const takenIds = taken.flat().map((row) => row.notification_id);
  const mayDouble = new Set([...takenIds, ...unanswered].filter((id) => kindOf(id) === 'resend'));
  const marked = hits.flatMap(({ inHand }) => inHand.filter(({ state }) => state === 'sending'));
  const mayBeUnknown = new Set([
    ...marked.map((row) => row.notification_id),
    ...unanswered.filter((id) => kindOf(id) === 'park'),
  ]);
  const verdict = await judge(stage, [load], {
    doublesAtMost: mayDouble.size,
    unknownAtMost: mayBeUnknown.size,
    drainWithinMs: 240_000,
  });
  const faults: string[] = [];
  const doubles = new Set(verdict.tally.doubleResend);
  const unknown = new Set(
    [...(await readLedger(world))].filter(([id, { state }]) => state === 'unknown' && kindOf(id)).map(([id]) => id),
  );
  for (const id of doubles) {
    if (!mayDouble.has(id)) faults.push(`${id} came twice, and was not both taken and unsettled at any death`);
  }
  for (const id of unknown) {
    if (!mayBeUnknown.has(id)) faults.push(`${id} is unknown, and was not marked as being sent at any death`);
  }

  hits.forEach(({ claimed, unanswered, isUnsettled, inHand, atMs }, index) => {
    // The leases of those who died before live on: what they had in hand was not this one's.
    const bornAfterMs = hits[index - 1]?.atMs ?? 0;
    const isOwn = (row: InHand) => row.claimed_at_ms > bornAfterMs;
    const here = (taken[index] ?? []).filter(isOwn);
    const sending = inHand.filter((row) => isOwn(row) && row.state === 'sending');
    const ids = new Set(here.map((row) => row.notification_id));
    for (const id of claimed) if (ids.has(id)) faults.push(`${id} was mailed, though its claim was never answered`);
    for (const id of unanswered) {
      const isDouble = doubles.has(id);
      if (kindOf(id) === 'resend' && !isDouble) faults.push(`${id} had no answer, and was not sent again`);
      if (kindOf(id) === 'park' && !unknown.has(id)) faults.push(`${id} had no answer, parks, and is not unknown`);
    }
    for (const kind of isUnsettled ? (['resend', 'park'] as const) : []) {
      if (!here.some((row) => kindOf(row.notification_id) === kind)) {
        faults.push(
          `no answer of a template to ${kind} waited to be settled at the death of ${new Date(atMs).toISOString()}`,
        );
      }
    }
    for (const [priority, count] of Object.entries(connections)) {
      for (const [what, rows] of Object.entries({ 'taken and unsettled': here, 'marked as being sent': sending })) {
        const width = rows.filter((row) => row.priority === priority).length;
        if (width > count + unsettledAtMost) faults.push(`${width} of the ${priority} lane were ${what}`);
      }
    }
  });
  const claimed = new Set(hits.flatMap((hit) => hit.claimed));
  const fromWindow1 = [...claimed].filter((id) => doubles.has(id) && !mayDouble.has(id)).length;
  return {
    ...verdict,
    faults: [...verdict.faults, ...faults],
    notes: {
      deaths: hits.length,
      'claimed in window 1': claimed.size,
      'doubles of window 1': fromWindow1,
      'taken and unsettled at a death, resend': mayDouble.size,
      'marked as being sent at a death, park': mayBeUnknown.size,
      unknown: unknown.size,
    },
  };
}
