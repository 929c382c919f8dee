// `generate`: reads its options, runs the generator, prints what becomes of the events.
import { parseArgs } from 'node:util';
import { generateRegistrations, type Tally } from './registrations.ts';
import { type Environment, SettingsError } from './settings.ts';
import { USER_COUNT } from './user-ids.ts';

export interface CommandContext {
  env: Environment;
  /** aborts on Ctrl-C and SIGTERM */
  signal: AbortSignal;
  /** one line for people, on standard output */
  print: (line: string) => void;
}

const REPORT_EVERY_MS = 1_000;

export const GENERATE_OPTIONS = `  --url    where ingest listens          (http://127.0.0.1:8001)
  --key    API key, scope "send"         ($POSTHORN_API_KEY)
  --rate   events a second, 0.01 to 2000 (1)
  --count  how many events, then stop    (10)
  --first  number of the first person, 0 to 999999; by default another one each time, since
           registering a person twice is one event and sends no second welcome`;

/** @returns the exit code: 0 when every event that was sent has been accepted */
export async function runGenerate(args: string[], { env, signal, print }: CommandContext): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      url: { type: 'string', default: 'http://127.0.0.1:8001' },
      key: { type: 'string', default: env.POSTHORN_API_KEY ?? '' },
      rate: { type: 'string', default: '1' },
      count: { type: 'string', default: '10' },
      first: { type: 'string', default: String(Math.floor(Math.random() * USER_COUNT)) },
    },
  });
  if (values.key === '') throw new SettingsError('an API key is needed: --key or POSTHORN_API_KEY');
  if (!/^https?:$/.test(URL.parse(values.url)?.protocol ?? '')) {
    throw new SettingsError(`--url is ${JSON.stringify(values.url)}, not an http address`);
  }
  const count = readNumber('count', values.count, 1, 10_000_000, true);

  let reportedAtMs = performance.now();
  const report = (tally: Tally) => {
    reportedAtMs = performance.now();
    print(`${tally.accepted + tally.failed} of ${count}: ${describeTally(tally)}`);
  };
  const tally = await generateRegistrations({
    url: values.url,
    key: values.key,
    count,
    ratePerSecond: readNumber('rate', values.rate, 0.01, 2_000, false),
    firstNumber: readNumber('first', values.first, 0, USER_COUNT - 1, true),
    signal,
    onProgress: (now, trouble) => {
      if (trouble !== undefined) print(trouble);
      if (performance.now() - reportedAtMs >= REPORT_EVERY_MS) report(now);
    },
  });
  print(`${signal.aborted ? 'Stopped' : 'Done'}: ${describeTally(tally)}.`);
  return tally.failed === 0 ? 0 : 1;
}

function describeTally({ accepted, failed, retries }: Tally): string {
  return `${accepted} accepted, ${failed} failed, ${retries} ${retries === 1 ? 'retry' : 'retries'}`;
}

function readNumber(name: string, text: string, least: number, most: number, whole: boolean): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= least && value <= most && (!whole || Number.isInteger(value))) return value;
  throw new SettingsError(
    `--${name} is ${JSON.stringify(text)}, not a ${whole ? 'whole ' : ''}number from ${least} to ${most}`,
  );
}
