// The real Kafka, registry and Postgres that integration and end-to-end tests share: started once per run in a folder of
// its own, on free ports, so that tests run beside a running `npm start`. Each test makes its own topics and databases.
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { downloadsFolder, startInfrastructure } from '../../dev/cluster.ts';
import { createDatabase as createServerDatabase, dropDatabase } from '../../dev/database.ts';
import { postgresFolders } from '../../dev/postgres-home.ts';
import { stopLeftoversIn } from '../../dev/run-file.ts';
import { createDatabase } from '../../lib/db/database.ts';
import { migrate } from '../../lib/db/migrate.ts';
import { registerSchemas } from '../../lib/kafka/register-schemas.ts';
import { createTopics } from '../../lib/topics.ts';

export interface TestEnvironment {
  KAFKA_BROKERS: string;
  SCHEMA_REGISTRY_URL: string;
  DATABASE_URL: string;
}

const root = resolve(import.meta.dirname, '../..');
/** Every run that needs a data folder makes one below this; what a killed run left there is swept by the next. */
export const testDataRoot = join(root, '.posthorn', 'test');
/** One for all processes of all tests: TypeScript is stripped and compiled once, not at every start of a service. */
export const compileCacheDir = join(root, '.posthorn', 'compile-cache');
/** The same place as scripts/bootstrap.mjs takes before the tests. */
export const downloadsDir = downloadsFolder(
  root,
  resolve(root, process.env.POSTHORN_DATA_DIR || '.posthorn'),
  process.env,
);

export interface TestInfrastructure {
  env: TestEnvironment;
  databaseTemplate: string;
  stop(): Promise<void>;
}

/** With POSTHORN_TEST_ENV=<file of dev/infra-main.ts> that infrastructure is used instead, and left running. */
export async function startTestInfrastructure(): Promise<TestInfrastructure> {
  const sharedFile = process.env.POSTHORN_TEST_ENV;
  if (sharedFile) {
    const env = JSON.parse(readFileSync(sharedFile, 'utf8')) as TestEnvironment;
    const databaseTemplate = await createTemplate(env.DATABASE_URL);
    return { env, databaseTemplate, stop: () => dropDatabase(env.DATABASE_URL, databaseTemplate) };
  }
  await sweep();
  const dataDir = testDataFolder('run');
  const infrastructure = await startInfrastructure({
    dataDir,
    downloadsDir,
    ports: 'free',
    env: { JAVA_HOME: process.env.JAVA_HOME },
    parts: ['kafka', 'registry', 'postgres'],
    disposable: true,
    log: () => {},
  });
  const { KAFKA_BROKERS = '', SCHEMA_REGISTRY_URL = '', DATABASE_URL = '' } = infrastructure.env;
  // Before any test registers schemas of its own: ours then have the smallest ids, whatever runs first, and the console
  // producer of tests/e2e/foreign-producer.test.ts can write them, which writes nothing but text.
  await registerSchemas({ registryUrl: SCHEMA_REGISTRY_URL, topics: createTopics() });
  return {
    env: { KAFKA_BROKERS, SCHEMA_REGISTRY_URL, DATABASE_URL },
    databaseTemplate: await createTemplate(DATABASE_URL),
    async stop() {
      await infrastructure.stop();
      removeTestData(dataDir);
    },
  };
}

/** Migrated once and copied for each test, which is five times as cheap as to migrate each. @returns its name */
async function createTemplate(serverUrl: string): Promise<string> {
  const name = `template_${randomUUID().slice(0, 8)}`;
  const db = createDatabase({ url: await createServerDatabase(serverUrl, name), applicationName: 'test' });
  await migrate(db).finally(() => db.destroy());
  return name;
}

/** A new data folder for a launcher under test. The caller removes it with removeTestData. */
export function testDataFolder(name: string): string {
  const folder = join(testDataRoot, `${name}-${randomUUID().slice(0, 8)}`);
  mkdirSync(folder, { recursive: true });
  return folder;
}

export function removeTestData(dataDir: string): void {
  rmSync(postgresFolders(dataDir).outside, { recursive: true, force: true });
  rmSync(dataDir, { recursive: true, force: true });
}

// A folder without a run file may belong to a launcher that is just starting.
const youngMs = 10 * 60_000;

async function sweep(): Promise<void> {
  if (!existsSync(testDataRoot)) return;
  for (const name of readdirSync(testDataRoot)) {
    const folder = join(testDataRoot, name);
    const isYoung = Date.now() - statSync(folder).mtimeMs < youngMs;
    if (isYoung && !existsSync(join(folder, 'run.json'))) continue;
    if ((await stopLeftoversIn(folder, () => {})) === 'gone') removeTestData(folder);
  }
}
