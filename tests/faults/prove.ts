// `node tests/faults/prove.ts [F2 …]`: a harness that cannot fail proves nothing. Takes one promise at a time out of a scratch
// copy of the repository, runs there the fault run that has to notice, and ends with 0 when each was noticed, with 1 when
// one was not. A few minutes each.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { downloadsFolder } from '../../dev/cluster.ts';
import { change } from './harness/broken-release.ts';
import { type Sabotage, sabotages } from './sabotage.ts';

const root = resolve(import.meta.dirname, '../..');
const dataDir = resolve(root, process.env.POSTHORN_DATA_DIR || '.posthorn');
let running: ChildProcess | undefined;
const git = (...args: string[]) => execFileSync('git', args, { cwd: root, encoding: 'utf8' });

/** @returns whether it was noticed as it must be */
async function prove(sabotage: Sabotage, folder: string): Promise<boolean> {
  const { title, scenario, file, shows } = sabotage;
  process.stdout.write(`\n${title}\n  ${file}, run ${scenario}\n`);
  copyTree(folder);
  change(folder, sabotage);
  const { code, lines } = await run(scenario, folder);
  const said = lines.flatMap((line) => /NOT HELD: (.*)/.exec(line)?.[1] ?? []);
  if (code === 1 && said.some((one) => shows.test(one))) {
    process.stdout.write(`  noticed, as it must be: ${said.length} promises did not hold\n`);
    return true;
  }
  const why =
    said.length > 0 ? `nothing that it says matches ${shows}` : 'it does not say of anything that it did not hold';
  process.stdout.write(`  NOT NOTICED, it ended with ${code}: ${why}\n`);
  return false;
}

/** What is in the repository or about to be, as it stands in the working tree. */
function copyTree(folder: string): void {
  const files = git('ls-files', '-z', '--cached', '--others', '--exclude-standard').split('\0').filter(Boolean);
  for (const file of files) {
    if (!existsSync(join(root, file))) continue;
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(root, file), join(folder, file));
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
}

async function run(scenario: string, folder: string): Promise<{ code: number | null; lines: string[] }> {
  const child = spawn(process.execPath, ['tests/faults/main.ts', scenario, '--people', '2000'], {
    cwd: folder,
    env: {
      ...process.env,
      POSTHORN_DATA_DIR: join(folder, '.posthorn'),
      POSTHORN_DOWNLOADS_DIR: downloadsFolder(root, dataDir, process.env),
      // For the commit in its table, which then is called dirty, as it is.
      GIT_DIR: git('rev-parse', '--absolute-git-dir').trim(),
      GIT_WORK_TREE: folder,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  running = child;
  const lines: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    process.stdout.write(`    ${line}\n`);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  running = undefined;
  return { code, lines };
}

const wanted = new Set(process.argv.slice(2).map((name) => name.toUpperCase()));
const chosen = sabotages.filter(({ scenario }) => wanted.size === 0 || wanted.has(scenario));
const scratch = join(dataDir, 'faults', `prove-${process.pid}`);
let noticedCount = 0;
let isInterrupted = false;
// The run stops its system by itself; only then may its folder go.
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    isInterrupted = true;
    running?.kill('SIGTERM');
  });
}
try {
  for (const [index, sabotage] of chosen.entries()) {
    if (isInterrupted) break;
    const folder = join(scratch, String(index));
    if (await prove(sabotage, folder)) noticedCount += 1;
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
process.stdout.write(`\n${noticedCount} of ${chosen.length} were noticed\n`);
process.exitCode = chosen.length > 0 && noticedCount === chosen.length ? 0 : 1;
