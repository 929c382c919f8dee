// One run of the bench: the chosen figures, one after the other, on one system.
import { join } from 'node:path';
import { type Accepts, measureAccepts } from './figures/accepts.ts';
import { type Idle, measureIdle } from './figures/idle.ts';
import { type LatencyFigures, measureLatency } from './figures/latency.ts';
import { type MailingFigures, measureMailing } from './figures/mailing.ts';
import { measurePages, type PagesFigures } from './figures/pages.ts';
import { measureStart, type Start } from './figures/start.ts';
import { measureThroughput, type Throughput } from './figures/throughput.ts';
import type { BenchSettings, FigureName } from './settings.ts';
import { type Sink, startSink } from './sink-client.ts';
import { type ServicePeaks, type System, startSystem } from './system.ts';

export interface Figures {
  start?: Start;
  idle?: Idle;
  throughput?: Throughput;
  latency?: LatencyFigures;
  accepts?: Accepts;
  mailing?: MailingFigures;
  pages?: PagesFigures;
  /** The most memory each service ever held, over the whole run. */
  peaks?: ServicePeaks;
}

export interface RunContext {
  root: string;
  /** Where `npm start` keeps its downloads. */
  dataDir: string;
  settings: BenchSettings;
  /** What children get of the person's environment. */
  env: Readonly<Record<string, string>>;
  signal: AbortSignal;
  onHeld(killAll: () => void): void;
  log(line: string): void;
}

export interface FigureContext extends RunContext {
  system: System;
  sink: Sink;
}

/** Rest comes before work, and what leaves a backlog behind comes last. */
const measures: Readonly<
  Record<Exclude<FigureName, 'start'>, (context: FigureContext, figures: Figures) => Promise<void>>
> = {
  idle: async (context, figures) => {
    figures.idle = await measureIdle(context);
  },
  throughput: async (context, figures) => {
    figures.throughput = await measureThroughput(context);
  },
  latency: async (context, figures) => {
    figures.latency = await measureLatency(context);
  },
  mailing: async (context, figures) => {
    figures.mailing = await measureMailing(context);
  },
  pages: async (context, figures) => {
    figures.pages = await measurePages(context);
  },
  accepts: async (context, figures) => {
    figures.accepts = await measureAccepts(context);
  },
};

/** Fills `figures` as they come, so that what was measured before a fault is not lost. */
export async function runFigures(context: RunContext, figures: Figures): Promise<void> {
  const { settings, signal } = context;
  const wanted = settings.figures.filter((name) => name !== 'start');
  if (settings.figures.includes('start')) figures.start = await measureStart(context);
  if (wanted.length === 0) return;

  const sink = await startSink();
  try {
    const system = await startSystem({ ...context, sink, env: { ...context.env, ...serviceVariables(settings) } });
    try {
      for (const name of wanted) {
        signal.throwIfAborted();
        await measures[name]({ ...context, system, sink }, figures);
        // The last figure stops services; what they held before stays.
        figures.peaks = { ...figures.peaks, ...system.servicePeaks() };
      }
    } finally {
      await system.stop();
    }
  } finally {
    await sink.stop();
  }
}

/** The rate limit of a key is for strangers; everything else stays as it comes, unless `--set` says otherwise. */
function serviceVariables({ variables, profileDir }: BenchSettings): Record<string, string> {
  const profiling = profileDir
    ? {
        NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${join(process.cwd(), profileDir)} --disable-warning=ExperimentalWarning`,
      }
    : {};
  return { INGEST_RATE_PER_KEY: '1000000', ...profiling, ...variables };
}
