// A release with a bug: the services' files copied, one place in them changed, and one service run from there, started
// again each time it ends, as its supervisor would do it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../../dev/ports.ts';
import type { ServiceName } from '../../../dev/services.ts';

export interface Change {
  /** From the repository's root. */
  file: string;
  /** Stands in it exactly once. */
  from: string;
  to: string;
}

const root = resolve(import.meta.dirname, '../../..');

/** @throws when the text stands there not once: then the change means nothing any more and has to be written anew */
export function change(folder: string, { file, from, to }: Change): void {
  const text = readFileSync(join(folder, file), 'utf8');
  const count = text.split(from).length - 1;
  if (count !== 1) throw new Error(`${file} holds ${count} times, not once: ${from}`);
  writeFileSync(
    join(folder, file),
    text.replace(from, () => to),
  );
}

/** @param folder a new one */
export function copyRelease(folder: string, ...changes: readonly Change[]): void {
  for (const name of ['package.json', 'domain', 'lib', 'content', 'services', 'schemas']) {
    cpSync(join(root, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const one of changes) change(folder, one);
}

export interface Life {
  /** Null when it had to be killed: it did not end by itself. */
  code: number | null;
  seconds: number;
}

/** @returns how each of its lives ended */
export async function runUntilEnds(
  folder: string,
  service: ServiceName,
  options: { env: Readonly<Record<string, string>>; lives: number; withinMs: number; onLine(line: string): void },
): Promise<Life[]> {
  const lives: Life[] = [];
  const opsPort = await freePort();
  while (lives.length < options.lives) {
    const startedAtMs = performance.now();
    const child = spawn(process.execPath, [`services/${service}/main.ts`], {
      cwd: folder,
      env: { ...options.env, OPS_PORT: String(opsPort) },
      stdio: ['ignore', 'pipe', 'inherit'],
      detached: true,
    });
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      for (const line of text.trimEnd().split('\n')) options.onLine(`${service}! ${line}`);
    });
    const limit = setTimeout(() => child.kill('SIGKILL'), options.withinMs);
    const [code] = (await once(child, 'exit')) as [number | null];
    clearTimeout(limit);
    lives.push({ code, seconds: (performance.now() - startedAtMs) / 1_000 });
    await sleep(500);
  }
  return lives;
}
