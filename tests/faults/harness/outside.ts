// The outside parts of a fault run: Kafka and Postgres behind proxies that can cut connections, the registry, and a user
// service that can answer for single people as it likes.
import { startKafka } from '../../../dev/kafka.ts';
import type { PartContext } from '../../../dev/part.ts';
import { freePort, freePorts } from '../../../dev/ports.ts';
import { startPostgres } from '../../../dev/postgres.ts';
import { startRegistry } from '../../../dev/registry.ts';
import type { RunFile } from '../../../dev/run-file.ts';
import { startUserMock } from '../../../dev/user-mock.ts';
import { startPostgresProxy } from './postgres-proxy.ts';
import { startTcpProxy } from './tcp-proxy.ts';
import { startUserProxy } from './user-proxy.ts';

/** @param ends what stops them, to be called from the last to the first, is added here as each is started */
export async function startOutside(
  folder: string,
  downloadsDir: string,
  keeper: RunFile,
  note: (line: string) => void,
  ends: (() => Promise<unknown>)[],
) {
  const javaHome = process.env.JAVA_HOME;
  const context: PartContext = { dataDir: folder, downloadsDir, keeper, disposable: false, signal: undefined, note };
  const ports = await freePorts();
  const proxyPort = await freePort(new Set(Object.values(ports)));
  const startDatabase = async () => {
    // Commits reach the system, which does not die here; that they reach the disk would only slow everything down.
    const postgres = await startPostgres({ port: ports.postgres, settings: { fsync: 'off' } }, context);
    ends.push(() => postgres.stop('SIGKILL'));
    const registry = await startRegistry(
      {
        port: ports.registry,
        managementPort: ports.registryManagement,
        javaHome,
        databaseUrl: await postgres.createDatabase('registry'),
      },
      context,
    );
    ends.push(() => registry.stop('SIGKILL'));
    return { postgres, registry };
  };
  const startBroker = async () => {
    const kafka = await startKafka(
      {
        port: ports.kafka,
        controllerPort: ports.kafkaController,
        javaHome,
        // Clients go where the broker says that it is.
        settings: { 'advertised.listeners': `PLAINTEXT://127.0.0.1:${proxyPort}` },
      },
      context,
    );
    ends.push(() => kafka.stop('SIGKILL'));
    return kafka;
  };
  const startUsers = async () => {
    const userMock = await startUserMock({ port: ports.userMock }, context);
    ends.push(() => userMock.stop('SIGKILL'));
    return userMock;
  };
  const [{ postgres, registry }, kafka, userMock] = await Promise.all([startDatabase(), startBroker(), startUsers()]);
  const userProxy = await startUserProxy(userMock.userServiceUrl);
  ends.push(() => userProxy.stop());
  const kafkaProxy = await startTcpProxy({ host: '127.0.0.1', port: ports.kafka }, proxyPort);
  ends.push(() => kafkaProxy.stop());
  const postgresProxy = await startPostgresProxy({ host: '127.0.0.1', port: ports.postgres });
  ends.push(() => postgresProxy.stop());
  const throughProxy = new URL(postgres.databaseUrl);
  throughProxy.port = String(postgresProxy.port);
  return {
    parts: { kafka, postgres, registry, userMock },
    userProxy,
    userMockUrl: userMock.userServiceUrl,
    kafkaProxy,
    postgresProxy,
    databaseUrl: postgres.databaseUrl,
    brokers: `127.0.0.1:${proxyPort}`,
    env: {
      KAFKA_BROKERS: `127.0.0.1:${proxyPort}`,
      SCHEMA_REGISTRY_URL: registry.registryUrl,
      DATABASE_URL: throughProxy.href,
      USER_SERVICE_URL: userProxy.url,
    },
  };
}
