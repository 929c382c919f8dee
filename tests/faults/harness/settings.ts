// What a person can say to `npm run test:faults`.
import { parseArgs } from 'node:util';
import type { Scenario } from './scenario.ts';

export class SettingsError extends Error {
  readonly code = 'bad_settings';
}

export interface FaultSettings {
  showHelp: boolean;
  scenarios: readonly Scenario[];
  seeds: readonly number[];
  people: number;
  /** How long faults last, and how often they come: 1 as they are recorded, less for everyday. */
  scale: number;
  isRecorded: boolean;
}

export const help = (
  all: readonly Scenario[],
): string => `npm run test:faults                       every fault once, with seed 1
npm run test:faults -- F1 F5               only these
npm run test:faults -- --seed 7 --seed 8   each with these seeds
npm run test:faults -- --people 2000       of the mailing under way, an even number from 2000 to 20000 (20000)
npm run test:faults -- --scale 0.1         faults last a tenth as long; not for --record
npm run test:faults -- --record            writes each run down in docs/reliability/ and its table in docs/reliability.md
npm run test:faults -- fuzz --help         a million generated inputs

${all.map(({ name, title }) => `${name.padEnd(4)} ${title}`).join('\n')}

Needs Linux and what \`npm test\` fetches. Each run starts a system of its own on free ports and stops it again; TEST_LOG_LEVEL=1
shows what all its processes write. Nothing but loopback is touched.`;

/** @throws SettingsError with what there is */
export function readSettings(args: readonly string[], all: readonly Scenario[]): FaultSettings {
  const { values, positionals } = parse(args, all);
  const unknown = positionals.find((name) => !all.some((scenario) => scenario.name === name.toUpperCase()));
  if (unknown !== undefined) throw new SettingsError(`There is no fault ${unknown}. What there is:\n\n${help(all)}`);
  const wanted = new Set(positionals.map((name) => name.toUpperCase()));
  const seeds = values.seed.map(Number);
  if (!seeds.every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 32)) {
    throw new SettingsError('--seed must be a whole number from 0 to 4294967295.');
  }
  const people = Number(values.people);
  if (!Number.isInteger(people) || people % 2 !== 0 || people < 2_000 || people > 20_000) {
    throw new SettingsError(`--people must be an even number from 2000 to 20000, not ${values.people}.`);
  }
  const scale = Number(values.scale);
  if (!(scale >= 0.05 && scale <= 1)) throw new SettingsError(`--scale must be from 0.05 to 1, not ${values.scale}.`);
  if (scale < 1 && values.record)
    throw new SettingsError('--record is for runs at their full length, without --scale.');
  return {
    showHelp: values.help,
    scenarios: all.filter(({ name }) => wanted.size === 0 || wanted.has(name)),
    seeds,
    people,
    scale,
    isRecorded: values.record,
  };
}

function parse(args: readonly string[], all: readonly Scenario[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        seed: { type: 'string', multiple: true, default: ['1'] },
        people: { type: 'string', default: '20000' },
        scale: { type: 'string', default: '1' },
        record: { type: 'boolean', default: false },
      },
    });
  } catch (cause) {
    throw new SettingsError(`There is no ${args.join(' ')}. What there is:\n\n${help(all)}`, { cause });
  }
}
