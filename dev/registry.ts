// The schema registry (Apicurio, spoken to through its Confluent API), for development and tests.
// Records in Kafka carry its schema ids, so these must survive a restart: it keeps them in a database of its own.
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import downloads from './downloads.json' with { type: 'json' };
import { fetchedFolder, javaProgram } from './java.ts';
import { createPart, type PartContext, type Running } from './part.ts';

export interface RegistryOptions {
  port: number;
  managementPort: number;
  javaHome: string | undefined;
  /** An empty Postgres database for it alone. Undefined: a file in the data folder (when Postgres is not ours to fill). */
  databaseUrl: string | undefined;
}

export async function startRegistry(
  options: RegistryOptions,
  context: PartContext,
): Promise<Running<{ registryUrl: string }>> {
  const folder = fetchedFolder(context.downloadsDir, downloads.registry.folder);
  const cwd = join(context.dataDir, 'registry');
  await mkdir(cwd, { recursive: true });
  const registryUrl = `http://127.0.0.1:${options.port}/apis/ccompat/v7`;
  const settings = {
    'quarkus.http.host': '127.0.0.1',
    'quarkus.http.port': options.port,
    'quarkus.management.host': '127.0.0.1',
    'quarkus.management.port': options.managementPort,
    'java.util.logging.manager': 'org.jboss.logmanager.LogManager',
    'apicurio.rules.global.compatibility': 'BACKWARD',
    'apicurio.storage.kind': 'sql',
    ...storage(options.databaseUrl, join(cwd, 'storage')),
  };
  const part = createPart(
    {
      name: 'registry',
      title: 'The schema registry',
      command: () => ({
        command: javaProgram(options.javaHome),
        args: [
          // Start time is what matters here, so no second compiler and the simplest collector.
          ...['-Xms64m', '-Xmx384m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1'],
          ...Object.entries(settings).map(([name, value]) => `-D${name}=${value}`),
          ...['-jar', join(folder, downloads.registry.runner)],
        ],
        cwd,
      }),
      isReady: async () => (await fetch(`${registryUrl}/subjects`, { signal: AbortSignal.timeout(2_000) })).ok,
      stopSignal: 'SIGTERM',
      stopWithinMs: 5_000,
    },
    context,
  );
  await part.start();
  return { ...part, registryUrl };
}

function storage(databaseUrl: string | undefined, file: string): Record<string, string | number> {
  if (databaseUrl === undefined) {
    return { 'apicurio.storage.sql.kind': 'h2', 'apicurio.datasource.url': `jdbc:h2:file:${file}` };
  }
  const { hostname, port, pathname, username, password } = new URL(databaseUrl);
  return {
    'apicurio.storage.sql.kind': 'postgresql',
    'apicurio.datasource.url': `jdbc:postgresql://${hostname}:${port || 5432}${pathname}`,
    'apicurio.datasource.username': decodeURIComponent(username),
    'apicurio.datasource.password': decodeURIComponent(password),
    'apicurio.datasource.jdbc.initial-size': 2,
    'apicurio.datasource.jdbc.min-size': 2,
    'apicurio.datasource.jdbc.max-size': 5,
  };
}
