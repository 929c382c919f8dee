// The embedded Postgres, with one database for Posthorn; more are made by createDatabase.
import { existsSync } from 'node:fs';
import { chown, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canConnect, createDatabase, withDatabase } from './database.ts';
import { LauncherError } from './launcher-error.ts';
import { createPart, type PartContext, type Running } from './part.ts';
import { type PostgresHome, preparePostgresHome } from './postgres-home.ts';
import { runToEnd } from './run-to-end.ts';

export interface PostgresOptions {
  port: number;
  /** Besides those below. */
  settings?: Readonly<Record<string, string>>;
}

// It listens on loopback only and holds nothing but what a developer puts into it.
const user = 'posthorn';
const password = 'posthorn';

export async function startPostgres(
  { port, settings = {} }: PostgresOptions,
  context: PartContext,
): Promise<Running<{ databaseUrl: string; createDatabase(name: string): Promise<string> }>> {
  const home = await preparePostgresHome(context.dataDir);
  if (home.note) context.note(home.note);
  const dataFolder = join(home.folder, 'data');
  await initialise(home, dataFolder);

  const serverUrl = `postgres://${user}:${password}@127.0.0.1:${port}/postgres`;
  const part = createPart(
    {
      name: 'postgres',
      title: 'Postgres',
      command: () => ({
        command: join(home.binDir, 'postgres'),
        args: ['-D', dataFolder, ...toArguments(port, context.disposable, settings)],
        cwd: home.folder,
        uid: home.uid,
        gid: home.gid,
      }),
      isReady: () => canConnect(serverUrl),
      // "Fast shutdown": connections are closed, then a checkpoint. SIGTERM would wait for every client to leave.
      stopSignal: 'SIGINT',
      stopWithinMs: 3_000,
    },
    context,
  );
  await part.start();
  await createDatabase(serverUrl, 'posthorn');
  return {
    ...part,
    databaseUrl: withDatabase(serverUrl, 'posthorn'),
    createDatabase: (name) => createDatabase(serverUrl, name),
  };
}

/** Made beside and renamed, so that a start killed in the middle leaves no half database cluster. */
async function initialise({ folder, binDir, uid, gid }: PostgresHome, dataFolder: string): Promise<void> {
  if (existsSync(dataFolder)) return;
  const making = `${dataFolder}.new`;
  const passwordFile = join(folder, 'password');
  await rm(making, { recursive: true, force: true });
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (uid !== undefined && gid !== undefined) await chown(passwordFile, uid, gid);
  const { code, output } = await runToEnd(
    join(binDir, 'initdb'),
    [
      ...['-D', making, '-U', user, `--pwfile=${passwordFile}`, '--auth=scram-sha-256', '--no-sync'],
      // The same order of text on every machine, whatever locales it has.
      ...['--encoding=UTF8', '--locale-provider=builtin', '--locale=C', '--builtin-locale=C.UTF-8'],
    ],
    { cwd: folder, uid, gid },
  );
  await rm(passwordFile);
  if (code !== 0) {
    throw new LauncherError(
      'start_failed',
      `Postgres's data folder ${folder} could not be prepared:\n${output.trim()}`,
    );
  }
  await rename(making, dataFolder);
}

function toArguments(port: number, disposable: boolean, others: Readonly<Record<string, string>>): string[] {
  const settings = {
    listen_addresses: '127.0.0.1',
    port: String(port),
    unix_socket_directories: '',
    max_connections: '300',
    ...(disposable ? { fsync: 'off', synchronous_commit: 'off', full_page_writes: 'off' } : {}),
    ...others,
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
}
