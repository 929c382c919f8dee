// What the two Java parts share: the program to call, and the folder that the bootstrap fetched.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { LauncherError } from './launcher-error.ts';

/** @param javaHome the variable JAVA_HOME, when it is set */
export function javaProgram(javaHome: string | undefined): string {
  return javaHome ? join(javaHome, 'bin', 'java') : 'java';
}

/** @throws LauncherError not_fetched */
export function fetchedFolder(downloadsDir: string, folder: string): string {
  const path = join(downloadsDir, folder);
  if (existsSync(path)) return path;
  throw new LauncherError('not_fetched', `There is no ${path}: run node scripts/bootstrap.mjs, which fetches it.`);
}
