// Kafka and the schema registry, fetched by Maven once into the downloads folder.
// A folder appears there only when it is whole: everything is made beside it and renamed at the end.
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BootstrapError } from './errors.mjs';
import { withLock } from './lock.mjs';
import { run, tail } from './run.mjs';

const titles = { kafka: 'Kafka (54 MB)', registry: 'the schema registry (109 MB)' };
const makers = { kafka: makeKafka, registry: makeRegistry };

/** @param {('kafka' | 'registry')[]} wanted  @returns the ones that are not there yet */
export function missingDownloads(root, downloadsDir, wanted) {
  const table = readTable(root);
  return wanted.filter((name) => !existsSync(join(downloadsDir, table[name].folder)));
}

/** Fetches what is missing, one after the other (Maven's local repository does not like two writers). */
export async function fetchDownloads(root, downloadsDir, wanted, say) {
  await withLock(join(downloadsDir, '.lock'), say, async () => {
    // Only the holder of the lock makes these, so what lies here was left by one that was killed.
    for (const left of await readdir(downloadsDir)) {
      if (left.startsWith('.making-')) await rm(join(downloadsDir, left), { recursive: true, force: true });
    }
    const table = readTable(root);
    for (const name of missingDownloads(root, downloadsDir, wanted)) {
      const startedAt = Date.now();
      say(`fetching ${titles[name]} with Maven`);
      const making = await mkdtemp(join(downloadsDir, '.making-'));
      try {
        const whole = await makers[name]({ root, table, making, say });
        await rename(whole, join(downloadsDir, table[name].folder));
      } finally {
        await rm(making, { recursive: true, force: true });
      }
      say(`fetched ${titles[name]} in ${((Date.now() - startedAt) / 1000).toFixed(0)} s`);
    }
  });
}

async function makeKafka({ root, table, making, say }) {
  const folder = join(making, table.kafka.folder);
  await maven(
    [
      ...['-f', join(root, table.kafka.pom), `${table.mavenDependencyPlugin}:copy-dependencies`],
      ...[`-DoutputDirectory=${folder}`, '-DincludeScope=runtime'],
    ],
    making,
    say,
  );
  return folder;
}

/**
 * Apicurio's parent pom is not in Maven Central. Only `get` of plugin 2.8 passes over that, and only it can still write
 * the artifact to a place of our choice (`dest`).
 */
async function makeRegistry({ table, making, say }) {
  const archive = join(making, 'registry.tar.gz');
  await maven(
    [
      ...[`${table.mavenDependencyPlugin}:get`, '-Dtransitive=false'],
      ...[`-Dartifact=${table.registry.artifact}`, `-Ddest=${archive}`],
    ],
    making,
    say,
  );
  const folder = join(making, table.registry.folder);
  await mkdir(folder);
  const { code, output, missing } = await run('tar', ['-xzf', archive, '-C', folder]);
  if (missing)
    throw new BootstrapError(
      'There is no tar, which unpacks the schema registry: install it (Debian: sudo apt install tar).',
    );
  if (code !== 0) throw new BootstrapError(`The schema registry's archive could not be unpacked:\n${tail(output)}`);
  return folder;
}

/** Runs in an empty folder, so that no pom of ours is picked up by accident. */
async function maven(args, cwd, say) {
  const beat = setInterval(() => say('… still fetching'), 10_000);
  const { code, output } = await run('mvn', ['-q', '-B', ...args], { cwd });
  clearInterval(beat);
  if (code === 0) return;
  throw new BootstrapError(
    `Maven could not fetch it. Is there a way to Maven Central (a proxy belongs into ~/.m2/settings.xml)? It says:\n    ${mavenError(output)}`,
  );
}

/** Maven's first error line says it; what follows is how to ask for more. */
function mavenError(output) {
  return (
    output
      .split('\n')
      .find((line) => line.includes('[ERROR]'))
      ?.replace(/^.*\[ERROR\] /, '') ?? output.trim()
  );
}

function readTable(root) {
  return JSON.parse(readFileSync(join(root, 'dev', 'downloads.json'), 'utf8'));
}
