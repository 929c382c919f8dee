// Kafka, registry and Postgres alone, on free ports: `node dev/infra-main.ts --data <folder>`. It prints the variables as
// JSON, writes them to <folder>/env.json and stays up until Ctrl-C. Tests use it when POSTHORN_TEST_ENV names that file.
import { rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { describeError } from '../lib/errors.ts';
import { startInfrastructure } from './cluster.ts';

const { values } = parseArgs({ options: { data: { type: 'string' }, downloads: { type: 'string' } } });
const root = resolve(import.meta.dirname, '..');
const dataDir = resolve(values.data ?? join(root, '.posthorn', 'infra'));
const downloadsDir = resolve(values.downloads ?? join(root, '.posthorn', 'downloads'));
const envFile = join(dataDir, 'env.json');
const log = (line: string) => process.stderr.write(`${line}\n`);

try {
  const infrastructure = await startInfrastructure({
    dataDir,
    downloadsDir,
    ports: 'free',
    env: { JAVA_HOME: process.env.JAVA_HOME },
    parts: ['kafka', 'registry', 'postgres'],
    disposable: true,
    log,
  });
  const { KAFKA_BROKERS, SCHEMA_REGISTRY_URL, DATABASE_URL } = infrastructure.env;
  const json = JSON.stringify({ KAFKA_BROKERS, SCHEMA_REGISTRY_URL, DATABASE_URL }, null, 2);
  writeFileSync(envFile, `${json}\n`);
  process.stdout.write(`${json}\n`);
  const stop = async () => {
    rmSync(envFile, { force: true });
    await infrastructure.stop();
    process.exit(0);
  };
  process.once('SIGINT', stop);
  process.once('SIGTERM', stop);
} catch (error) {
  log(describeError(error));
  process.exitCode = 1;
}
