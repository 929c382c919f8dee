// What a person can say to `npm run test:faults -- fuzz`.
import { parseArgs } from 'node:util';
import { SettingsError } from '../harness/settings.ts';
import type { FuzzKind } from './kind.ts';

export interface FuzzSettings {
  showHelp: boolean;
  kinds: readonly FuzzKind[];
  seed: number;
  /** Of all kinds together. */
  cases: number;
  /** No batch begins later. */
  minutes: number;
  /** One case, as a failure names it. */
  repeat: string | undefined;
  isRecorded: boolean;
}

const million = 1_000_000;

export const fuzzHelp = (
  all: readonly FuzzKind[],
): string => `npm run test:faults -- fuzz                    a million generated inputs, with seed 1; about an hour
npm run test:faults -- fuzz --cases 20000      fewer, each kind its share
npm run test:faults -- fuzz --only smtp        only this kind; may be given several times
npm run test:faults -- fuzz --minutes 10       no longer than this
npm run test:faults -- fuzz --case <case>      one case again, as the run that found it has called it
npm run test:faults -- fuzz --record           writes the run down in docs/reliability/ and its table in docs/reliability.md

${all.map(({ name, title, casesOfMillion }) => `${name.padEnd(9)} ${String(casesOfMillion).padStart(7)}  ${title}`).join('\n')}

What fails is added to fuzz-failures.jsonl in the data folder (.posthorn), with its smallest case.`;

/** @throws SettingsError with what there is */
export function readFuzzSettings(args: readonly string[], all: readonly FuzzKind[]): FuzzSettings {
  const values = parse(args, all);
  const repeated = values.case?.split(':')[0];
  const only = new Set(repeated === undefined ? values.only : [repeated]);
  const unknown = [...only].find((name) => !all.some((kind) => kind.name === name));
  if (unknown !== undefined) throw new SettingsError(`There is no kind ${unknown}. What there is:\n\n${fuzzHelp(all)}`);
  return {
    showHelp: values.help,
    kinds: all.filter(({ name }) => only.size === 0 || only.has(name)),
    seed: toCount('seed', values.seed, 0, 2 ** 32 - 1),
    cases: toCount('cases', values.cases, 100, 100 * million),
    minutes: toCount('minutes', values.minutes, 1, 24 * 60),
    repeat: values.case,
    isRecorded: values.record,
  };
}

/** @returns how many cases of each kind make so many in all; when only some kinds are wanted, these share them */
export function shareCases(kinds: readonly FuzzKind[], cases: number): Map<FuzzKind, number> {
  const whole = kinds.reduce((sum, { casesOfMillion }) => sum + casesOfMillion, 0);
  return new Map(kinds.map((kind) => [kind, Math.ceil((cases * kind.casesOfMillion) / whole)]));
}

function toCount(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new SettingsError(`--${name} must be a whole number from ${least} to ${most}, not ${text}.`);
}

function parse(args: readonly string[], all: readonly FuzzKind[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        seed: { type: 'string', default: '1' },
        cases: { type: 'string', default: String(million) },
        minutes: { type: 'string', default: '180' },
        only: { type: 'string', multiple: true, default: [] },
        case: { type: 'string' },
        record: { type: 'boolean', default: false },
      },
    }).values;
  } catch (cause) {
    throw new SettingsError(`There is no ${args.join(' ')}. What there is:\n\n${fuzzHelp(all)}`, { cause });
  }
}
