// What a kind of generated input is: where it comes from, what is done with it, and what may not come of it.
import type { Arbitrary } from 'fast-check';
import type { World } from '../harness/world.ts';
import type { RunOptions } from './run-kind.ts';

export type FuzzKind = {
  name: string;
  title: string;
  /** Of a million cases in all. */
  casesOfMillion: number;
  /** Whether it needs the whole system running. */
  needs: 'nothing' | 'system';
} & (
  | { open(around: Around): Promise<OpenKind> }
  /** What is no matter of one input after the other. */
  | { run(around: Around, options: RunOptions): Promise<FuzzResult> }
);

export interface Around {
  /** Only for kinds that need the system. */
  world: World | undefined;
  /** Whether the run has the machine to itself: bounds are strict then. */
  isAlone: boolean;
  log(line: string): void;
}

/** A kind whose inputs can be tried. */
export interface OpenKind<I = unknown> {
  inputs: Arbitrary<I>;
  /** One input may hold several cases that are tried at the same time. */
  casesPerInput?: number;
  /** @returns what did not hold, undefined when all did; a throw is one as well */
  tryOne(input: I): Promise<string | undefined> | string | undefined;
  close?(): Promise<void>;
}

/** Hides the type of the inputs: whoever runs a kind has no need to know it. */
export const opened = <I>(kind: OpenKind<I>): OpenKind => kind as OpenKind;

export interface FuzzFailure {
  kind: string;
  /** `--case` repeats it. */
  case: string;
  fault: string;
  /** The smallest that was found, shortened. */
  input: string;
}

export interface FuzzResult {
  kind: string;
  title: string;
  cases: number;
  seconds: number;
  slowestMs: number;
  failures: FuzzFailure[];
}
