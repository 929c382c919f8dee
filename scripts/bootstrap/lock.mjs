// One bootstrap at a time per folder: a lock file with the holder's pid, taken over when its holder is gone.
import { mkdir, open, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { dirname } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

const touchEveryMs = 5_000;
// A holder that is frozen or in another container (whose pids mean nothing here) shows only by a file nobody touches.
const staleAfterMs = 60_000;

/** Runs `work` while holding the lock; waits for another holder, and says once that it waits. */
export async function withLock(file, say, work) {
  await mkdir(dirname(file), { recursive: true });
  let waited = false;
  while (!(await take(file))) {
    const holder = await readHolder(file);
    if (holder?.stale) {
      await removeStale(file, holder);
      continue;
    }
    if (!waited && holder) say(`waiting for another bootstrap (process ${holder.pid}) to finish`);
    waited = true;
    await sleep(300);
  }
  const touch = setInterval(() => utimes(file, new Date(), new Date()).catch(() => {}), touchEveryMs);
  try {
    return await work();
  } finally {
    clearInterval(touch);
    await rm(file, { force: true });
  }
}

async function take(file) {
  try {
    const handle = await open(file, 'wx');
    await handle.writeFile(String(process.pid));
    await handle.close();
    return true;
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
}

async function readHolder(file) {
  try {
    const [text, { mtimeMs, ino }] = await Promise.all([readFile(file, 'utf8'), stat(file)]);
    const ageMs = Date.now() - mtimeMs;
    const pid = Number(text);
    // An empty file is one whose holder is between creating and writing it.
    const stale = ageMs > staleAfterMs || (text !== '' && !isAlive(pid));
    return { pid, ino, stale };
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Another waiter may have taken the stale lock over meanwhile: what is moved away must be the file that was judged. */
async function removeStale(file, holder) {
  const aside = `${file}.${process.pid}.stale`;
  try {
    if ((await stat(file)).ino !== holder.ino) return;
    await rename(file, aside);
    await rm(aside, { force: true });
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}
