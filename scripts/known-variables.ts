// Every variable that Posthorn's code reads, found where it is read: the zod objects of services and commands, and the
// launcher's, bootstrap's and user-mock's own reading. What documents and compose file are held against.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';

export interface KnownVariables {
  /** By the process's file, such as services/planner/main.ts; commands as `cli/posthorn.ts setup`. */
  objects: ReadonlyMap<string, z.ZodObject>;
  names: ReadonlySet<string>;
  /** Defaults as text, of variables that have the same one everywhere. */
  defaults: ReadonlyMap<string, string>;
}

/** Read outside of zod objects, as `env.NAME` or as a key of the user-mock's table. */
const otherReaders = ['dev/**/*.ts', 'user-mock/**/*.ts', 'scripts/**/*.mjs', 'lib/lifecycle.ts'];
const readings = /\benv\.([A-Z][A-Z0-9_]+)|^\s*(USER_MOCK_[A-Z_]+):/gm;
/** Set by the system or a terminal, not by people for Posthorn. */
const ofTheSystem = new Set(['PATH', 'HOME', 'NO_COLOR', 'CI']);

export async function findKnownVariables(root: string): Promise<KnownVariables> {
  const objects = await findObjects(root);
  const names = new Set([...objects.values()].flatMap((object) => Object.keys(object.shape)));
  for (const file of otherReaders.flatMap((pattern) => globSync(pattern, { cwd: root }))) {
    if (file.includes('.test.')) continue;
    for (const [, read, key] of readFileSync(join(root, file), 'utf8').matchAll(readings)) {
      const name = read ?? key ?? '';
      if (!ofTheSystem.has(name)) names.add(name);
    }
  }
  return { objects, names, defaults: findDefaults([...objects.values()]) };
}

/** The names in .env.example, commented or not. */
export function parseEnvExample(text: string): Map<string, string> {
  const lines = text.matchAll(/^(?:# )?([A-Z][A-Z0-9_]*)=(.*)$/gm);
  return new Map([...lines].map(([, name = '', value = '']) => [name, value]));
}

async function findObjects(root: string): Promise<Map<string, z.ZodObject>> {
  const found = new Map<string, z.ZodObject>();
  const readers: [string, string][] = [
    ...globSync('services/*/config.ts', { cwd: root }).map((file): [string, string] => [
      file,
      file.replace('config.ts', 'main.ts'),
    ]),
    ...['setup', 'demo', 'keys'].map((command): [string, string] => [
      `cli/${command}.ts`,
      `cli/posthorn.ts ${command}`,
    ]),
  ];
  for (const [file, process] of readers) {
    if (!existsSync(join(root, file))) continue;
    const exported: Record<string, unknown> = await import(pathToFileURL(join(root, file)).href);
    const object = Object.entries(exported).find(([name]) => name.endsWith('Variables'))?.[1];
    if (object instanceof z.ZodObject) found.set(process, object);
  }
  return found;
}

function findDefaults(objects: readonly z.ZodObject[]): Map<string, string> {
  const values = new Map<string, Set<string>>();
  for (const object of objects) {
    for (const [name, schema] of Object.entries(object.shape)) {
      const result = z.safeParse(schema, undefined);
      const texts = values.get(name) ?? new Set();
      values.set(name, texts.add(result.success ? String(result.data ?? '') : ''));
    }
  }
  const agreed = [...values].flatMap(([name, texts]): [string, string][] => {
    const [text = ''] = texts;
    return texts.size === 1 ? [[name, text]] : [];
  });
  return new Map(agreed);
}
