// What a person can say to `npm run bench`.
import { parseArgs } from 'node:util';
import { BenchError } from './bench-error.ts';

export const figureNames = ['start', 'idle', 'throughput', 'mailing', 'latency', 'pages', 'accepts'] as const;
export type FigureName = (typeof figureNames)[number];

export const help = `npm run bench                       all figures, then a table here and in bench/results/
npm run bench -- --only throughput  one figure: ${figureNames.join(', ')} (may be given several times)
npm run bench -- --people 20000     people of a throughput round
npm run bench -- --rounds 3         throughput rounds, each beside nodemailer alone; the middle one is quoted
npm run bench -- --mailing 50000    people of the mailing from the admin pages, up to 1000000
npm run bench -- --crowd 50000      low-priority requests under way while high-priority mail is timed
npm run bench -- --set NAME=value   a variable for the services, such as CONCURRENCY=4 (may be given several times)
npm run bench -- --profile <folder> V8 CPU profiles of every Node process into this folder (the figures get worse)
npm run bench -- --no-results       only the table here, no files

Needs Linux (/proc) and what \`npm start\` fetches. Stop other work on the machine first: the table says how much of it
others took. Ctrl-C stops everything.`;

export interface BenchSettings {
  showHelp: boolean;
  figures: FigureName[];
  peopleCount: number;
  roundCount: number;
  crowdCount: number;
  mailingCount: number;
  variables: Record<string, string>;
  profileDir: string | undefined;
  writesResults: boolean;
}

/** @throws BenchError with the help */
export function readSettings(args: readonly string[]): BenchSettings {
  const values = parse(args);
  const count = (name: 'people' | 'rounds' | 'crowd' | 'mailing', max: number): number => {
    const value = Number(values[name]);
    if (Number.isInteger(value) && value >= 1 && value <= max) return value;
    throw new BenchError(`--${name} must be a whole number from 1 to ${max}, not ${values[name]}.`);
  };
  const unknown = values.only.find((name) => !figureNames.some((figure) => figure === name));
  if (unknown) throw new BenchError(`There is no figure ${unknown}: choose of ${figureNames.join(', ')}.`);
  const wrong = values.set.find((text) => !/^[A-Z][A-Z0-9_]*=/.test(text));
  if (wrong) throw new BenchError(`--set ${wrong}: must be NAME=value.`);
  return {
    showHelp: values.help,
    figures: figureNames.filter((name) => values.only.length === 0 || values.only.includes(name)),
    peopleCount: count('people', 900_000),
    roundCount: count('rounds', 100),
    crowdCount: count('crowd', 900_000),
    mailingCount: count('mailing', 1_000_000),
    variables: Object.fromEntries(values.set.map((text) => text.split(/=(.*)/s, 2) as [string, string])),
    profileDir: values.profile,
    writesResults: !values['no-results'],
  };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        only: { type: 'string', multiple: true, default: [] },
        people: { type: 'string', default: '20000' },
        rounds: { type: 'string', default: '3' },
        crowd: { type: 'string', default: '50000' },
        mailing: { type: 'string', default: '50000' },
        set: { type: 'string', multiple: true, default: [] },
        profile: { type: 'string' },
        'no-results': { type: 'boolean', default: false },
      },
    }).values;
  } catch (cause) {
    throw new BenchError(`There is no ${args.join(' ')}. What there is:\n\n${help}`, { cause });
  }
}
