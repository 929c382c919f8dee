// What a fault run is: a story told to a world under load, and what must be true of its numbers beyond the counting rule.
import { count, type Tally } from './count.ts';
import { drain, findImbalances, readLedger } from './drain.ts';
import type { Load } from './load.ts';
import type { Random } from './random.ts';
import type { World } from './world.ts';

export interface Stage {
  world: World;
  seed: number;
  random: Random;
  /** Of the mailing. */
  people: number;
  singlesPerSecond: number;
  /** 1 as the issue asks for it; less in the short form: how long faults last, and how often they come. */
  scale: number;
  /** The first person's number, so that stories told to the same world take different people. */
  from: number;
  log(line: string): void;
}

export interface Verdict {
  tally: Tally;
  /** What was promised and did not hold; empty when all did. */
  faults: string[];
  /** What else was measured, for the table: name and value with its unit. */
  notes: Record<string, string | number>;
}

export interface Scenario {
  /** `F1`. */
  name: string;
  title: string;
  /** Further variables of the services. */
  env?: Readonly<Record<string, string>>;
  run(stage: Stage): Promise<Verdict>;
}

export interface Expectation {
  /** How many may have come twice: the sends in flight at the breaks. */
  doublesAtMost: number;
  /** How many of those that park may be unknown. */
  unknownAtMost: number;
  /** Who must have failed, by notification id; nobody else. */
  failed?: ReadonlySet<string>;
  /** Who may have any end, by notification id. */
  mayEndAnyhow?: ReadonlySet<string>;
  drainWithinMs: number;
}

/** Sends in flight at a break of one dispatcher: its connections (4, 4 and 8), and a hundred answers unsettled a lane. */
export const inFlightAtBreak = 4 + 4 + 8 + 3 * 100;

/** Waits for the end, counts, and holds everything against what was expected. */
export async function judge(stage: Stage, loads: readonly Load[], expected: Expectation): Promise<Verdict> {
  const { world, log } = stage;
  const faults: string[] = [];
  const open = await drain(world, { withinMs: expected.drainWithinMs, log });
  if (open !== undefined) faults.push(`not drained within ${expected.drainWithinMs / 1_000} s: ${open}`);
  const planned = new Map(loads.flatMap((load) => [...load.planned]));
  // Whatever comes of stories told before is not this one's; what nobody ever asked for is a ghost here.
  const others = new Set(
    world.loads.filter((load) => !loads.includes(load)).flatMap((load) => [...load.planned.keys()]),
  );
  const ledger = new Map([...(await readLedger(world))].filter(([id]) => !others.has(id)));
  const accepted = world.sink.accepted().filter(({ notificationId }) => !others.has(notificationId));
  const tally = count({ planned, accepted, ledger });
  for (const name of ['lost', 'ghost', 'lying', 'silent', 'doublePark', 'open'] as const) {
    const ids = tally[name];
    if (ids.length > 0) faults.push(`${name}: ${ids.length}, such as ${ids.slice(0, 3).join(', ')}`);
  }
  if (tally.doubleResend.length > expected.doublesAtMost) {
    faults.push(`${tally.doubleResend.length} came twice, at most ${expected.doublesAtMost} may`);
  }
  faults.push(...(await findImbalances(world, loads)));
  faults.push(...loads.flatMap(({ unexpected }) => unexpected.slice(0, 5)).map((text) => `ingest answered ${text}`));

  const unknown: string[] = [];
  for (const [id, { state, reason }] of ledger) {
    const person = planned.get(id);
    if (!person || expected.mayEndAnyhow?.has(id)) continue;
    const isSkipped = state === 'skipped';
    if (isSkipped !== (person.email === null))
      faults.push(`${id} is ${state} ${reason}, with the address ${person.email}`);
    if (state === 'unknown') unknown.push(id);
    if (state === 'unknown' && person.onNoAnswer !== 'park')
      faults.push(`${id} is unknown, though its template resends`);
    if (state === 'failed' && !expected.failed?.has(id)) faults.push(`${id} failed: ${reason}`);
  }
  for (const id of expected.failed ?? []) {
    if (ledger.get(id)?.state !== 'failed') faults.push(`${id} is ${ledger.get(id)?.state}, not failed`);
  }
  if (unknown.length > expected.unknownAtMost) {
    faults.push(`${unknown.length} are unknown, at most ${expected.unknownAtMost} may be`);
  }
  return { tally, faults: shorten(faults), notes: {} };
}

const shownFaults = 20;

function shorten(faults: readonly string[]): string[] {
  const rest = faults.length - shownFaults;
  return rest > 0 ? [...faults.slice(0, shownFaults), `and ${rest} more`] : [...faults];
}
