// Makes a fresh clone able to run: packages from the lockfile, Kafka and the schema registry from Maven.
// npm runs it before `start` and `test` (prestart, pretest) with whatever Node the machine has, so it depends on nothing.
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { fetchDownloads, missingDownloads } from './bootstrap/downloads.mjs';
import { BootstrapError } from './bootstrap/errors.mjs';
import { requireJava, requireMaven, requireNode } from './bootstrap/machine.mjs';
import { ensurePackages } from './bootstrap/packages.mjs';

const root = resolve(fileURLToPath(new URL('..', import.meta.url)));

async function bootstrap() {
  requireNode(process.versions.node, process.platform);
  // Tests never touch a real Kafka or registry, so they need the embedded ones whatever is set (`--embedded`).
  const isForTests = process.argv.includes('--embedded');
  if (!isForTests) loadEnvFile(join(root, '.env'));
  await ensurePackages(root, say);

  const wanted = [
    ...(process.env.KAFKA_BROKERS && !isForTests ? [] : ['kafka']),
    ...(process.env.SCHEMA_REGISTRY_URL && !isForTests ? [] : ['registry']),
  ];
  if (wanted.length === 0) return;
  await requireJava();

  const dataDir = resolve(root, process.env.POSTHORN_DATA_DIR || '.posthorn');
  const downloadsDir = resolve(root, process.env.POSTHORN_DOWNLOADS_DIR || join(dataDir, 'downloads'));
  if (missingDownloads(root, downloadsDir, wanted).length === 0) return;
  await requireMaven();
  await fetchDownloads(root, downloadsDir, wanted, say);
}

/** The launcher reads .env too; here only the variables that decide what has to be fetched matter. */
function loadEnvFile(file) {
  if (!existsSync(file)) return;
  if (process.loadEnvFile) return process.loadEnvFile(file);
  for (const line of readFileSync(file, 'utf8').split('\n')) {
    const match = /^\s*(?:export\s+)?(\w+)\s*=\s*(.*?)\s*$/.exec(line);
    if (match && process.env[match[1]] === undefined) process.env[match[1]] = match[2].replace(/^(["'])(.*)\1$/, '$2');
  }
}

function say(line) {
  process.stdout.write(`posthorn: ${line}\n`);
}

bootstrap().catch((error) => {
  process.stderr.write(`posthorn: ${error instanceof BootstrapError ? error.message : (error.stack ?? error)}\n`);
  process.exitCode = 1;
});
