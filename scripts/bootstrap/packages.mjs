// node_modules as the lockfile wants it: `npm ci` when it is missing or made from another lockfile.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { BootstrapError } from './errors.mjs';
import { withLock } from './lock.mjs';
import { run } from './run.mjs';

/** @param {string} root the repository  @param {(line: string) => void} say */
export async function ensurePackages(root, say) {
  if (isFresh(root)) return;
  await withLock(join(root, '.posthorn', 'packages.lock'), say, async () => {
    if (isFresh(root)) return;
    if (!isInstalledByHand(root)) await install(root, say);
    writeFileSync(stampFile(root), lockHash(root));
  });
}

async function install(root, say) {
  const startedAt = Date.now();
  say('installing packages (npm ci)');
  // npm must not run with the Node that lies in the folder it is about to delete.
  const ownBin = join(root, 'node_modules', '.bin');
  const path = (process.env.PATH ?? '').split(delimiter).filter((folder) => folder !== ownBin);
  const env = { ...process.env, PATH: path.join(delimiter) };
  const beat = setInterval(() => say('… still installing'), 10_000);
  const { code, output, missing } = await run('npm', ['ci', '--include=dev', '--include=optional', '--no-audit'], {
    cwd: root,
    env,
  });
  clearInterval(beat);
  if (missing) throw new BootstrapError('There is no npm beside node: install Node from https://nodejs.org.');
  if (code !== 0) {
    // npm says first what is wrong, and then at length how it is used.
    const said = output.trim().split('\n').slice(0, 15).join('\n    ');
    throw new BootstrapError(`npm ci failed; mend what it says and start again:\n    ${said}`);
  }
  say(`packages installed in ${((Date.now() - startedAt) / 1000).toFixed(0)} s`);
}

const stampFile = (root) => join(root, 'node_modules', '.posthorn-stamp');
const lockHash = (root) =>
  createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');

function isFresh(root) {
  return existsSync(stampFile(root)) && readFileSync(stampFile(root), 'utf8') === lockHash(root);
}

/** True when npm's own record of node_modules already has every package of the lockfile (somebody ran `npm ci` by hand). */
function isInstalledByHand(root) {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const wanted = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')).packages;
  const present = JSON.parse(readFileSync(record, 'utf8')).packages;
  return Object.entries(wanted).every(
    ([path, { optional, version }]) => path === '' || (present[path] ? present[path].version === version : optional),
  );
}
