// An outside part that the launcher runs itself (Kafka, registry, Postgres, inbox, user-mock): a child process that is
// ready when it answers, and that can be stopped and started again on the same port with the same data.
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Child,
  type ChildCommand,
  type ChildExit,
  type ChildKeeper,
  logSizeBytes,
  rotateLog,
  startChild,
  tailLog,
} from './child.ts';
import { LauncherError } from './launcher-error.ts';

export interface PartContext {
  /** Absolute; everything a part keeps lies below it. */
  dataDir: string;
  /** Where scripts/bootstrap.mjs put Kafka and the registry. */
  downloadsDir: string;
  keeper: ChildKeeper;
  /** The data is thrown away after the run: durability is given up for speed, and the end need not be gentle. */
  disposable: boolean;
  /** Aborted when the whole start is called off: parts that are still on their way give up waiting. */
  signal: AbortSignal | undefined;
  note(line: string): void;
}

export interface PartSpec {
  /** Short, also the name of the log file. */
  name: string;
  /** As people call it, at the beginning of a sentence. */
  title: string;
  command(): ChildCommand | Promise<ChildCommand>;
  /** Asked again and again until it is true; a thrown error counts as not yet. */
  isReady(): Promise<boolean>;
  stopSignal: NodeJS.Signals;
  stopWithinMs: number;
}

export interface Part {
  readonly name: string;
  readonly logFile: string;
  pid(): number | undefined;
  /** @throws LauncherError start_failed with the last lines of its log */
  start(): Promise<void>;
  /** Ends it gently, or with the signal given. It can be started again. */
  stop(signal?: NodeJS.Signals): Promise<void>;
}

/** What every start… function of this folder gives back: a running part, and how to reach it. */
export type Running<Urls> = Part & Urls;

const readyWithinMs = 60_000;
const askEveryMs = 50;

export function createPart(spec: PartSpec, context: PartContext): Part {
  const logFile = `${context.dataDir}/logs/${spec.name}.log`;
  let child: Child | undefined;
  let isStopping = false;
  rotateLog(logFile);

  return {
    name: spec.name,
    logFile,
    pid: () => (child?.isRunning() ? child.pid : undefined),
    async start() {
      if (child?.isRunning()) return;
      isStopping = false;
      const logStartBytes = logSizeBytes(logFile);
      const started = startChild(spec.name, await spec.command(), logFile, context.keeper, spec.stopSignal);
      child = started;
      const failure = await untilReady(spec, started, context.signal);
      if (failure === undefined) {
        void started.exited.then((exit) => {
          if (!isStopping) context.note(`${spec.title} ended unexpectedly (${describeExit(exit)}), see ${logFile}`);
        });
        return;
      }
      isStopping = true;
      await started.stop('SIGKILL', 0);
      throw new LauncherError(
        'start_failed',
        `${spec.title} ${failure}. The end of ${logFile}:${tailLog(logFile, logStartBytes) || ' (nothing was written)'}`,
      );
    },
    async stop(signal) {
      isStopping = true;
      await child?.stop(signal ?? spec.stopSignal, spec.stopWithinMs);
    },
  };
}

/** Undefined when it became ready, else what went wrong. */
async function untilReady(spec: PartSpec, child: Child, signal: AbortSignal | undefined): Promise<string | undefined> {
  const deadline = performance.now() + readyWithinMs;
  let exit: ChildExit | undefined;
  void child.exited.then((value) => {
    exit = value;
  });
  while (performance.now() < deadline) {
    if (signal?.aborted) return 'was stopped while it was starting';
    if (exit) return `did not start (${describeExit(exit)})`;
    if (await spec.isReady().catch(() => false)) return undefined;
    await sleep(askEveryMs);
  }
  return `was not ready within ${readyWithinMs / 1000} s`;
}

export function describeExit({ code, signal }: ChildExit): string {
  return signal ? `ended by ${signal}` : `exit code ${code}`;
}
