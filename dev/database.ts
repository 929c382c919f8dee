// Databases on the embedded Postgres: one for Posthorn, one for the registry, and one for each test file.
import { Client, escapeIdentifier } from 'pg';

/** The same server and log-in with another database. */
export function withDatabase(databaseUrl: string, name: string): string {
  const url = new URL(databaseUrl);
  url.pathname = `/${encodeURIComponent(name)}`;
  return url.href;
}

/**
 * Makes the database when it is not there; returns its URL. `serverUrl` may name any database of the server.
 * @param template what the new one begins as; template0 is empty
 */
export async function createDatabase(serverUrl: string, name: string, template = 'template0'): Promise<string> {
  await withClient(serverUrl, async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 0) {
      await client.query(`create database ${escapeIdentifier(name)} template ${escapeIdentifier(template)}`);
    }
  });
  return withDatabase(serverUrl, name);
}

/** Drops the database, closing whatever is still connected to it. */
export async function dropDatabase(serverUrl: string, name: string): Promise<void> {
  await withClient(serverUrl, (client) =>
    client.query(`drop database if exists ${escapeIdentifier(name)} with (force)`),
  );
}

export async function canConnect(databaseUrl: string): Promise<boolean> {
  await withClient(databaseUrl, (client) => client.query('select 1'), 'as given');
  return true;
}

/** Works from the database `postgres`, so that the one in question can be made or dropped. */
async function withClient(
  databaseUrl: string,
  work: (client: Client) => Promise<unknown>,
  database: 'postgres' | 'as given' = 'postgres',
): Promise<void> {
  const connectionString = database === 'postgres' ? withDatabase(databaseUrl, 'postgres') : databaseUrl;
  const client = new Client({ connectionString, connectionTimeoutMillis: 5_000 });
  // A connection that breaks while idle would otherwise end the process.
  client.on('error', () => {});
  try {
    await client.connect();
    await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}
