// How long a high-priority mail takes from its HTTP call to the mail server: idle, and while a crowd of low-priority
// ones, sent as single requests, is under way.
import { setTimeout as sleep } from 'node:timers/promises';
import { notificationId } from '../../domain/ids.ts';
import { codeMark, codeTemplate, letterTemplate } from '../bench-mail.ts';
import { type Reachable, reachablePeople } from '../people.ts';
import { percentile } from '../percentile.ts';
import type { FigureContext } from '../run.ts';
import { waitForMails } from '../sink-client.ts';
import { type LoadResult, startLoad } from '../start-load.ts';
import { type WatchedProcess, watchProcesses } from '../watch.ts';

export interface Latency {
  /** High-priority mails that were timed. */
  count: number;
  lostCount: number;
  /** From the begin of the POST to the whole mail at the mail server. */
  p50Ms: number;
  p99Ms: number;
  maxMs: number;
  /** From the begin of the POST to its 202. */
  acceptP50Ms: number;
  acceptP99Ms: number;
  othersShare: number;
}

export interface Crowd {
  load: LoadResult;
  connections: number;
  arrivedCount: number;
  /** From the first POST of the crowd to its last mail. */
  perSecond: number;
  lostCount: number;
  doubledCount: number;
}

export interface LatencyFigures {
  idle: Latency;
  loaded: Latency & { crowd: Crowd };
}

interface Probe {
  notificationId: string;
  postedAtMs: number;
  acceptedAtMs: number;
}

const everyMs = 100;
const idleCount = 150;
const warmUpCount = 50;
const connections = 32;
const stalledMs = 30_000;
/** Of the people of the user-mock, beyond those that a crowd takes. */
const firstPerson = 950_000;

export async function measureLatency(context: FigureContext): Promise<LatencyFigures> {
  const { log, settings } = context;
  const people = reachablePeople(2_000, firstPerson);
  log('warming up');
  await context.sink.reset(codeMark);
  // Timed as well, so that all of them have arrived before the figure begins.
  await timed(context, () => probe(context, people, () => false, warmUpCount));
  log(`timing ${idleCount} high-priority mails, idle`);
  await context.sink.reset(codeMark);
  const idle = await timed(context, () => probe(context, people, () => false, idleCount));
  log(`idle: p50 ${idle.p50Ms.toFixed(0)} ms, p99 ${idle.p99Ms.toFixed(0)} ms`);
  log(`timing high-priority mails while ${settings.crowdCount} low-priority requests are under way`);
  const loaded = await measureLoaded(context, people);
  log(`under load: p50 ${loaded.p50Ms.toFixed(0)} ms, p99 ${loaded.p99Ms.toFixed(0)} ms`);
  return { idle, loaded };
}

async function measureLoaded(context: FigureContext, people: readonly Reachable[]): Promise<LatencyFigures['loaded']> {
  const { sink, system, settings, signal, log } = context;
  await sink.reset(codeMark);
  const { ingestUrl, apiKey } = system.launched;
  const startedAtMs = performance.timeOrigin + performance.now();
  const load = startLoad({
    url: `${ingestUrl}/api/v1/send_notification`,
    apiKey,
    templateId: letterTemplate,
    priority: 'low',
    connections,
    callCount: settings.crowdCount,
  });
  try {
    // Probing begins with the crowd's first mail and ends with its last one.
    await waitForMails(sink, 1, { signal, stalledMs });
    let crowdArrived = false;
    const onProgress = (count: number) => log(`low priority: ${count} of ${settings.crowdCount}`);
    const crowd = waitForMails(sink, settings.crowdCount, { signal, stalledMs, onProgress }, (a) => a.unmarkedCount);
    void crowd.then(
      () => {
        crowdArrived = true;
      },
      () => {
        crowdArrived = true;
      },
    );
    const crowdProcess = { name: 'load', pid: () => load.pid };
    const latency = await timed(context, () => probe(context, people, () => crowdArrived, people.length), crowdProcess);
    await crowd;
    const loadResult = await load.next(60_000);
    const arrivals = await sink.read({ times: true });
    const lastAtMs = arrivals.unmarkedAtMs.at(-1) ?? Number.NaN;
    return {
      ...latency,
      crowd: {
        load: loadResult,
        connections,
        arrivedCount: arrivals.unmarkedCount,
        perSecond: (arrivals.unmarkedCount / (lastAtMs - startedAtMs)) * 1000,
        lostCount: loadResult.okCount + latency.count + latency.lostCount - arrivals.distinctCount,
        doubledCount: arrivals.mailCount - arrivals.distinctCount,
      },
    };
  } finally {
    await load.stop();
  }
}

/** Ten a second, whatever becomes of them: a slow answer must not slow the next question. */
async function probe(
  { system, signal }: FigureContext,
  people: readonly Reachable[],
  isOver: () => boolean,
  atMost: number,
): Promise<Probe[]> {
  const probes: Promise<Probe>[] = [];
  const beganAtMs = performance.now();
  for (const { id } of people.slice(0, atMost)) {
    await sleep(Math.max(0, beganAtMs + probes.length * everyMs - performance.now()), undefined, { signal });
    if (isOver()) break;
    const postedAtMs = performance.timeOrigin + performance.now();
    const post = system.post({ template_id: codeTemplate, priority: 'high', user_ids: [id] }).then((requestId) => ({
      notificationId: notificationId(requestId, id, 'email'),
      postedAtMs,
      acceptedAtMs: performance.timeOrigin + performance.now(),
    }));
    // It is awaited with all the others, at the end.
    post.catch(() => {});
    probes.push(post);
  }
  return Promise.all(probes);
}

async function timed(
  { sink, system, signal }: FigureContext,
  work: () => Promise<Probe[]>,
  ...besides: WatchedProcess[]
): Promise<Latency> {
  const endWatch = watchProcesses([...system.watched, ...besides]);
  const probes = await work();
  const { othersShare } = endWatch();
  await waitForMails(sink, probes.length, { signal, stalledMs }, (arrivals) => arrivals.markedCount);
  const { marked } = await sink.read({ times: true });
  const arrived = probes.flatMap((one) => {
    const atMs = marked[one.notificationId];
    return atMs === undefined ? [] : [atMs - one.postedAtMs];
  });
  const accepts = probes.map((one) => one.acceptedAtMs - one.postedAtMs);
  return {
    count: arrived.length,
    lostCount: probes.length - arrived.length,
    p50Ms: percentile(arrived, 50),
    p99Ms: percentile(arrived, 99),
    maxMs: percentile(arrived, 100),
    acceptP50Ms: percentile(accepts, 50),
    acceptP99Ms: percentile(accepts, 99),
    othersShare,
  };
}
