// People a second from the POST to the mail server, through all services, beside nodemailer alone in the same run; and
// what it cost: CPU per person and peak memory of every process.

import { letterTemplate } from '../bench-mail.ts';
import { startBenchProcess } from '../bench-process.ts';
import { reachablePeople } from '../people.ts';
import { percentile, ratesOf } from '../percentile.ts';
import type { FigureContext } from '../run.ts';
import { waitForMails } from '../sink-client.ts';
import { type ProcessFigures, type Watched, watchProcesses } from '../watch.ts';

export interface Pass {
  perSecond: number;
  middlePerSecond: number;
  /** Summed over all processes, the sink's included, microseconds. */
  cpuPerPersonUs: number;
  meanMailBytes: number;
  lostCount: number;
  doubledCount: number;
  othersShare: number;
  processes: ProcessFigures[];
}

export interface Throughput {
  peopleCount: number;
  warmUpCount: number;
  rounds: { pipeline: Pass; nodemailer: Pass; ratio: number }[];
  /** The round with the middle ratio. */
  middle: { pipeline: Pass; nodemailer: Pass; ratio: number };
}

const warmUpCount = 2_000;
/** What one call may hold. */
const idsPerCall = 10_000;
const stalledMs = 20_000;

export async function measureThroughput(context: FigureContext): Promise<Throughput> {
  const { settings, log } = context;
  log(`warming up with ${warmUpCount} people`);
  await passThroughPipeline(context, warmUpCount);

  const rounds: Throughput['rounds'] = [];
  for (let round = 1; round <= settings.roundCount; round += 1) {
    const nodemailer = await passThroughNodemailer(context, settings.peopleCount);
    const pipeline = await passThroughPipeline(context, settings.peopleCount);
    const ratio = pipeline.perSecond / nodemailer.perSecond;
    rounds.push({ pipeline, nodemailer, ratio });
    log(
      `round ${round}: nodemailer alone ${Math.round(nodemailer.perSecond)}/s, Posthorn ${Math.round(pipeline.perSecond)}/s ` +
        `(middle ${Math.round(pipeline.middlePerSecond)}/s), ratio ${ratio.toFixed(2)}`,
    );
  }
  const middleRatio = percentile(
    rounds.map(({ ratio }) => ratio),
    50,
  );
  const middle = rounds.find(({ ratio }) => ratio === middleRatio);
  if (!middle) throw new Error('there was no round');
  return { peopleCount: settings.peopleCount, warmUpCount, rounds, middle };
}

async function passThroughPipeline(context: FigureContext, count: number): Promise<Pass> {
  const { system, sink, signal, log } = context;
  const ids = reachablePeople(count).map(({ id }) => id);
  await sink.reset();
  const endWatch = watchProcesses(system.watched);
  const startedAtMs = performance.timeOrigin + performance.now();
  const calls: Promise<string>[] = [];
  for (let at = 0; at < ids.length; at += idsPerCall) {
    const user_ids = ids.slice(at, at + idsPerCall);
    calls.push(system.post({ template_id: letterTemplate, priority: 'low', user_ids }));
  }
  const requestIds = await Promise.all(calls);
  await waitForMails(sink, count, { signal, stalledMs, onProgress: (mails) => log(`Posthorn: ${mails} of ${count}`) });
  // The ledger has to be settled and the numbers have to balance before the work is done.
  const progress = await system.waitUntilDone(requestIds, signal);
  const watched = endWatch();
  const unfinished = progress.filter(({ state }) => state !== 'done');
  if (unfinished.length > 0) log(`${unfinished.length} requests are not done: ${JSON.stringify(unfinished[0])}`);
  return toPass(context, count, startedAtMs, watched);
}

async function passThroughNodemailer(context: FigureContext, count: number): Promise<Pass> {
  const { sink, system, signal, log } = context;
  const args = [sink.smtpUrl, String(count), String(Math.min(count, warmUpCount))];
  const contestant = startBenchProcess<{ startedAtMs: number }>('nodemailer-alone.ts', args);
  try {
    await contestant.next(60_000);
    await sink.reset();
    // Posthorn idles meanwhile: that is not its contestant's CPU, nor is it others'.
    const endWatch = watchProcesses([...system.watched, { name: 'nodemailer', pid: () => contestant.pid }]);
    contestant.say('go');
    const wait = { signal, stalledMs, onProgress: (mails: number) => log(`nodemailer alone: ${mails} of ${count}`) };
    await waitForMails(sink, count, wait);
    const { startedAtMs } = await contestant.next(10_000);
    const watched = endWatch();
    const own = watched.processes.filter(({ name }) => name === 'nodemailer' || name === 'sink');
    return await toPass(context, count, startedAtMs, { ...watched, processes: own });
  } finally {
    await contestant.stop();
  }
}

async function toPass(
  { sink }: FigureContext,
  count: number,
  startedAtMs: number,
  { processes, othersShare }: Watched,
): Promise<Pass> {
  const arrivals = await sink.read({ times: true });
  const rates = ratesOf(arrivals.unmarkedAtMs, startedAtMs);
  return {
    perSecond: rates.whole,
    middlePerSecond: rates.middle,
    cpuPerPersonUs: (processes.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / count) * 1000,
    meanMailBytes: arrivals.meanBytes,
    lostCount: count - arrivals.distinctCount,
    doubledCount: arrivals.mailCount - arrivals.distinctCount,
    othersShare,
    processes,
  };
}
