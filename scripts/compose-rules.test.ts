// biome-ignore-all lint/suspicious/noTemplateCurlyInString: so compose files write their variables.
import { expect, test } from 'vitest';
import { type ComposeFile, parseCompose } from './compose-file.ts';
import { type Facts, findFaults } from './compose-rules.ts';

const hardened = `
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    mem_limit: 512m`;
const good = `
services:
  kafka:${hardened}
    image: apache/kafka:4.3.1
    restart: unless-stopped
    healthcheck: { test: [CMD, ask] }
    environment: { KAFKA_NUM_PARTITIONS: "6", KAFKA_LOG_DIRS: /elsewhere }
    volumes: ["kafka-data:/data", "./file:/file:ro"]
    ports: ["127.0.0.1:9092:9092"]
  registry:${hardened}
    image: apicurio/apicurio-registry:3.0.9
    restart: unless-stopped
    healthcheck: { test: [CMD, ask] }
    environment: { PASSWORD: "\${SECRET:?is not set}", URL: "http://kafka:1" }
  postgres:${hardened}
    image: postgres:18.4
    restart: unless-stopped
    healthcheck: { test: [CMD, ask] }
    environment: { POSTGRES_PASSWORD: "\${SECRET:?is not set}" }
  setup:${hardened}
    build: { context: . }
    user: node
    read_only: true
    init: true
    restart: "no"
    command: [node, cli/posthorn.ts, setup]
    depends_on: { kafka: { condition: service_healthy } }
  ingest: &ours${hardened}
    build: { context: . }
    user: node
    read_only: true
    init: true
    restart: unless-stopped
    command: [node, services/ingest/main.ts]
    healthcheck: { test: [CMD, ask] }
    depends_on: { setup: { condition: service_completed_successfully } }
    environment: { DATABASE_URL: "postgres://me:\${SECRET:?is not set}@postgres/db" }
    ports: ["\${PORT:-8001}:8001"]
  planner:
    <<: *ours
    command: [node, services/planner/main.ts]
    ports: []
volumes: { kafka-data: {} }
`;
const facts: Facts = {
  versions: { kafka: '4.3.1', registry: '3.0.9', postgres: '18.4', node: '24.21.0' },
  dockerfileNode: '24.21.0',
  brokerSettings: { 'num.partitions': '6', 'log.dirs': '/here' },
  documentedVariables: new Set(['SECRET', 'PORT']),
  findSettingsFaults: ([program, script], env) => {
    if (program !== 'node' || !script?.endsWith('.ts')) return undefined;
    return 'WRONG' in env ? ['sets WRONG, which its process does not read'] : [];
  },
};

/** The faults of the good file after this change; the planner is taken out where it would repeat what ingest has. */
function faultsAfter(change: (services: Record<string, Record<string, unknown>>, file: ComposeFile) => void): string[] {
  const file = parseCompose(good);
  file.services = structuredClone(file.services);
  if (file.services.planner) file.services.planner.ports = undefined as never;
  change(file.services as unknown as Record<string, Record<string, unknown>>, file);
  return findFaults(file, facts);
}

const set = (service: string, change: Record<string, unknown>) =>
  faultsAfter((services) => void Object.assign(services[service] ?? {}, change));

test('a file that keeps every rule has no fault', () => {
  expect(faultsAfter(() => {})).toEqual([]);
});

test.each([
  ['an image without a version', 'kafka', { image: 'apache/kafka' }, /^kafka runs apache\/kafka: name a version/],
  [
    'an image with a moving version',
    'postgres',
    { image: 'postgres:18' },
    /^postgres runs postgres:18: name a version/,
  ],
  [
    'another Postgres than npm start has',
    'postgres',
    { image: 'postgres:18.5' },
    /postgres:18\.5 should be postgres:18\.4/,
  ],
  ['another Kafka than npm start has', 'kafka', { image: 'apache/kafka:4.2.0' }, /should be apache\/kafka:4\.3\.1/],
  ['another registry than npm start has', 'registry', { image: 'apicurio/apicurio-registry:3.1.0' }, /:3\.0\.9/],
  [
    'a broker setting that differs',
    'kafka',
    { environment: { KAFKA_NUM_PARTITIONS: '3' } },
    /is 3; dev\/kafka.ts says 6/,
  ],
  ['a broker setting that is missing', 'kafka', { environment: {} }, /KAFKA_NUM_PARTITIONS of kafka is not set/],
  ['a port for other machines', 'kafka', { ports: ['9092:9092'] }, /^kafka publishes "9092:9092" to other machines/],
  ['a port in the long form for others', 'kafka', { ports: [{ target: 1 }] }, /^kafka publishes {"target":1} to other/],
  ['a port on all addresses, said aloud', 'kafka', { ports: ['0.0.0.0:9092:9092'] }, /^kafka publishes/],
  ['a stage with a fixed port', 'planner', { ports: ['127.0.0.1:1:1'] }, /^planner is a stage and publishes a port/],
  ['a fixed name', 'planner', { container_name: 'planner' }, /^planner has a container_name/],
  ['no health check', 'planner', { healthcheck: undefined }, /^planner has no health check\.$/],
  ['a health check switched off', 'planner', { healthcheck: { disable: true } }, /^planner has no health check\.$/],
  ['a dependency that is not there', 'planner', { depends_on: { x: { condition: 'service_healthy' } } }, /on x, which/],
  ['a dependency without condition', 'planner', { depends_on: ['kafka'] }, /without a condition/],
  [
    'a dependency that is only started',
    'planner',
    { depends_on: { kafka: { condition: 'service_started' } } },
    /until kafka/,
  ],
  [
    'a wait for a one-shot to be healthy',
    'planner',
    { depends_on: { setup: { condition: 'service_healthy' } } },
    /setup to be/,
  ],
  ['a one-shot that is restarted', 'setup', { restart: 'always' }, /waits for the end of setup, which is restarted/],
  ['a volume that is not declared', 'kafka', { volumes: ['other:/data'] }, /^kafka uses the volume other/],
  ['capabilities kept', 'kafka', { cap_drop: ['NET_RAW'] }, /^kafka does not drop all capabilities/],
  ['capabilities added', 'kafka', { cap_add: ['SYS_ADMIN'] }, /^kafka does not drop all capabilities/],
  ['new privileges', 'kafka', { security_opt: [] }, /^kafka may gain privileges/],
  ['privileged mode', 'kafka', { privileged: true }, /^kafka is privileged/],
  ['no memory limit', 'kafka', { mem_limit: undefined }, /^kafka has no memory limit/],
  ['no restart policy', 'kafka', { restart: undefined }, /^kafka has the restart policy of none/],
  ['root', 'kafka', { user: '0:0' }, /^kafka runs as root/],
  ['a process of ours as whoever', 'planner', { user: undefined }, /^planner needs user, read_only and init/],
  ['a written-down secret', 'postgres', { environment: { POSTGRES_PASSWORD: 'abc' } }, /has a fixed POSTGRES_PASSWORD/],
  ['a password in a URL', 'registry', { environment: { URL: 'postgres://me:abc@host' } }, /fixed password in URL/],
  ['an unknown variable', 'registry', { environment: { A: '${NOWHERE:-1}' } }, /asks for NOWHERE, which .env.example/],
  ['settings that the process refuses', 'planner', { environment: { WRONG: '1' } }, /^planner sets WRONG/],
  ['a command that is not ours', 'planner', { command: ['sh'] }, /^planner runs sh, which is no process of ours/],
])('%s is a fault', (_, service, change, expected) => {
  expect(set(service, change)).toEqual(expect.arrayContaining([expect.stringMatching(expected)]));
});

test('only ingest may be reached from other machines', () => {
  expect(set('ingest', { ports: ['8001:8001'] })).toEqual([]);
});

test('a Dockerfile with another Node than npm brings is a fault', () => {
  const file = parseCompose(good);
  expect(findFaults(file, { ...facts, dockerfileNode: '24.1.0' })).toContain(
    'The Dockerfile starts from Node 24.1.0; package.json brings 24.21.0.',
  );
});

test('a part that is missing is a fault', () => {
  const faults = faultsAfter((services) => void Reflect.deleteProperty(services, 'registry'));
  expect(faults).toEqual(['No service runs apicurio/apicurio-registry:3.0.9, as npm start does.']);
});

test('a part of a profile is a one-shot only when it says so, and is looked after otherwise', () => {
  const withProfile = (restart: string, more: object = {}) =>
    faultsAfter((services) => {
      const { healthcheck: _checked, ...rest } = services.kafka ?? {};
      services.watcher = { ...rest, image: 'some/watcher:1.2', profiles: ['monitoring'], restart, ...more };
    });
  expect(withProfile('no')).toEqual([]);
  expect(withProfile('unless-stopped', { healthcheck: { test: ['CMD', 'ask'] } })).toEqual([]);
  expect(withProfile('unless-stopped')).toEqual(['watcher has no health check.']);
});
