// The mailing runner: adopts mailings that are due, fires recurring ones, and drives every request that has an audience or
// comes later, until it has ended; sweeps all the others. Any number of planners share the work.
import { DependencyError } from '../../lib/errors.ts';
import { LaneStatus } from '../../lib/kafka/lane-status.ts';
import type { Priority } from '../../lib/topics.ts';
import type { PlannerMetrics } from './planner-metrics.ts';
import { adoptMailings, maxAdopted } from './runner/adopt-mailings.ts';
import { applyHolds, comeDue, driveStrays, hasWork, liftHolds, noteLifted } from './runner/apply-holds.ts';
import { type DriveParts, drive } from './runner/drive.ts';
import type { Driven } from './runner/driven.ts';
import { fireSeries } from './runner/fire-series.ts';
import { claimDriven, findClaimable, renewLeases } from './runner/leases.ts';
import { type Loop, startLoop } from './runner/loop.ts';
import { countOnTheirWay, type View } from './runner/next-step.ts';
import { maxDueRequests, planDue } from './runner/plan-due.ts';
import { createHeldResumer } from './runner/resume-held.ts';
import { forgetOldAsides } from './runner/set-aside.ts';
import { createSweep, sweepEveryMs } from './runner/sweep.ts';
import { takeProgress } from './runner/take-progress.ts';

export interface RunnerOptions extends Omit<DriveParts, 'status' | 'limits' | 'onLook' | 'metrics'> {
  metrics?: PlannerMetrics;
  /** People of one mailing who are on their way at most; see countOnTheirWay. */
  window: number;
  /** A mailing whose numbers have not moved for so long is healed. */
  healAfterMs?: number;
  /** When a cancelled mailing that does not balance is looked at again. */
  cancelAfterMs?: number;
}

export interface MailingRunner {
  waitingFor(): string[];
  stop(): Promise<void>;
}

const minuteMs = 60_000;
/** Of each priority: a newsletter never takes the place of something urgent. */
const atOnce = 4;
const lookEveryMs = 250;
const adoptEveryMs = 400;
const seriesEveryMs = 1_000;
const renewEveryMs = 3_000;
const holdsEveryMs = 1_000;
/** Every so many looks everything is looked at, not only what has moved or changed lately. */
const wholeLookEvery = 8;
const strayLookEvery = 240;
/** Holds of long ago: those cancelled stay for ever, and are joined with what is open. */
const allHoldsEvery = 240;

export function startMailingRunner(options: RunnerOptions): MailingRunner {
  const { db, logger, now } = options;
  const status = new LaneStatus(logger);
  status.joined();
  const limits = { window: options.window, healAfterMs: options.healAfterMs ?? 15 * minuteMs };
  const look = { healAfterMs: limits.healAfterMs, cancelAfterMs: options.cancelAfterMs ?? 5_000 };
  const stopping = new AbortController();
  const held = new Map<string, { request: Driven; leave: AbortController; ended: Promise<void>; onTheirWay: number }>();
  const complained = new Set<string>();
  let looks = 0;

  async function lookAround(): Promise<boolean> {
    const everything = looks % wholeLookEvery === 0;
    if (looks % strayLookEvery === 0) {
      await driveStrays(db);
      await forgetOldAsides(db);
    }
    looks++;
    if (!everything && !(await hasWork(db, new Date(now())))) return false;
    // Those of the last ten minutes at every look: only what was busy all that time is left for the look at all of them.
    await applyHolds(db, looks % allHoldsEvery === 1);
    await noteLifted(db);
    await liftHolds(db, new Date(now()));
    await comeDue(db, new Date(now()));
    for (const { requestId, state, planned } of await takeProgress(db, everything)) {
      logger.info({ requestId, planned }, `a request is ${state}, its numbers balance`);
    }
    await takeUp();
    return false;
  }

  async function takeUp(): Promise<void> {
    const places = { high: atOnce, medium: atOnce, low: atOnce } satisfies Record<Priority, number>;
    for (const { request } of held.values()) places[request.priority]--;
    const found = await findClaimable(db, look, atOnce);
    const chosen = found.filter(({ priority }) => places[priority]-- > 0).map(({ requestId }) => requestId);
    if (chosen.length === 0 || stopping.signal.aborted) return;
    for (const request of await claimDriven(db, chosen, look)) hold(request);
  }

  function hold(request: Driven): void {
    const { requestId, epoch } = request;
    // A lease of ours that ran out unnoticed: the one before is void by its epoch.
    held.get(requestId)?.leave.abort();
    const leave = new AbortController();
    if (stopping.signal.aborted) leave.abort();
    const ended = drive({ ...options, status, limits, onLook: note }, request, leave.signal)
      .catch((error: unknown) => {
        if (error instanceof DependencyError) logger.warn({ err: error, requestId }, 'could not give a request back');
        else logger.error({ err: error, requestId }, 'a bug: this request is tried again when its lease ends');
      })
      .finally(() => {
        if (held.get(requestId)?.request.epoch === epoch) held.delete(requestId);
      });
    held.set(requestId, { request, leave, ended, onTheirWay: 0 });
  }

  function note({ requestId, epoch }: Driven, view: View): void {
    const one = held.get(requestId);
    if (one?.request.epoch === epoch) one.onTheirWay = countOnTheirWay(view, options.window);
  }

  async function renew(): Promise<boolean> {
    const ours = [...held.values()];
    if (ours.length === 0) return false;
    const kept = await renewLeases(
      db,
      ours.map(({ request }) => request),
    );
    for (const { request, leave } of ours) if (!kept.has(request.requestId)) leave.abort();
    return false;
  }

  options.metrics?.watchDriven(
    () => [...held.values()].map(({ request: { priority }, onTheirWay }) => ({ priority, onTheirWay })),
    options.window,
  );
  const resumer = createHeldResumer(options, stopping.signal);
  const sweep = createSweep({ ...options, healAfterMs: limits.healAfterMs }, stopping.signal);
  const loop = (name: string, everyMs: number, work: () => Promise<boolean>): Loop =>
    startLoop({ name, everyMs, work, status, logger, signal: stopping.signal });
  const loops = [
    loop('adopt', adoptEveryMs, async () => (await adoptMailings(options, now())) === maxAdopted),
    loop('series', seriesEveryMs, async () => {
      await fireSeries(options, now(), complained);
      return false;
    }),
    loop('due', lookEveryMs, async () => (await planDue(options, new Date(now()))) > maxDueRequests / 4),
    loop('drive', lookEveryMs, lookAround),
    loop('renew', renewEveryMs, renew),
    loop('holds', holdsEveryMs, async () => {
      await resumer.look();
      return false;
    }),
    loop('sweep', sweepEveryMs, async () => {
      await sweep.walk();
      return false;
    }),
  ];

  return {
    waitingFor: () => [
      ...(status.waitingFor ? [`mailing runner: ${status.waitingFor}`] : []),
      ...(loops.some((one) => one.hasBug()) ? ['mailing runner: bug'] : []),
    ],
    async stop() {
      stopping.abort();
      for (const { leave } of held.values()) leave.abort();
      await Promise.all(loops.map(({ ended }) => ended));
      await Promise.all([...[...held.values()].map(({ ended }) => ended), resumer.ended()]);
      await sweep.stop();
      status.stopped();
    },
  };
}
