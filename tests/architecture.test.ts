// The rules of the house: who may import whom, who writes which table, where the outside world is touched.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';

interface Source {
  path: string;
  text: string;
  /** Our own files it imports, from the repository's root, and packages by name. */
  imports: string[];
}

const root = join(import.meta.dirname, '..');
const sources = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((path) => path !== '')
  .map(readSource);
const production = sources.filter(
  ({ path }) => /^(domain|lib|content|services|cli)\//.test(path) && !path.endsWith('.test.ts'),
);

function readSource(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8');
  const specifiers = [...text.matchAll(/(?:^import|^export|^\} from|import\()[^'"\n]*['"]([^'"\n]+)['"]/gm)].map(
    (match) => match[1] ?? '',
  );
  return {
    path,
    text,
    imports: specifiers.map((specifier) =>
      specifier.startsWith('.') ? normalize(join(dirname(path), specifier)) : specifier,
    ),
  };
}

const folderOf = (path: string): string => /^(services\/[^/]+|[^/]+)/.exec(path)?.[1] ?? path;
const isOurs = (specifier: string): boolean =>
  /^[a-z-]+\/.*\.(ts|json)$/.test(specifier) && !specifier.startsWith('node:');
const importersOf = (name: string): string[] =>
  production
    .filter(({ imports }) => imports.some((specifier) => specifier === name || specifier.startsWith(`${name}/`)))
    .map(({ path }) => path);

describe('imports', () => {
  it('finds sources and their imports', () => {
    expect(production.length).toBeGreaterThan(40);
    expect(production.find(({ path }) => path === 'services/planner/main.ts')?.imports).toContain('lib/lifecycle.ts');
  });

  const allowed: Record<string, (from: string) => RegExp> = {
    domain: () => /^(schemas|domain)\//,
    lib: () => /^(domain|lib)\//,
    content: () => /^(domain|lib|content)\//,
    services: (from) => new RegExp(`^(domain|lib|content|${folderOf(from)})/`),
    'user-mock': () => /^user-mock\//,
  };
  it.each(Object.keys(allowed))('%s imports only what it may', (folder) => {
    const strangers = sources
      .filter(({ path }) => path.startsWith(`${folder}/`))
      .flatMap(({ path, imports }) =>
        imports
          .filter((specifier) => isOurs(specifier) && !allowed[folder]?.(path).test(specifier))
          .map((specifier) => `${path} → ${specifier}`),
      );
    // A service's tests may stand on tests/support.
    expect(strangers.filter((line) => !/\.test\.ts → tests\/support\//.test(line))).toEqual([]);
  });

  it.each([
    ['kafkajs', 2],
    ['pg', 2],
    ['nodemailer', 2],
    ['@kafkajs/confluent-schema-registry', 2],
    ['liquidjs', 3],
  ])('only %s is imported in at most %i files', (name, limit) => {
    const importers = importersOf(name).filter((path) => {
      const text = production.find((source) => source.path === path)?.text ?? '';
      return (
        !new RegExp(`import type [^;]*from '${name}`).test(text) ||
        new RegExp(`import (?!type)[^;]*from '${name}`).test(text)
      );
    });
    expect(importers.length, importers.join(', ')).toBeLessThanOrEqual(limit);
    expect(importersOf(name).length).toBeGreaterThan(0);
  });

  it('has no file that only passes on what others export', () => {
    const barrels = production.filter(({ text }) => {
      const code = text.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith('//'));
      return code.length > 0 && code.every((line) => /^export .* from /.test(line));
    });
    expect(barrels.map(({ path }) => path)).toEqual([]);
  });
});

describe('the outside world', () => {
  it('reads the environment in main files only', () => {
    const readers = production.filter(
      ({ path, text }) => /process\.env\b/.test(text) && !path.endsWith('/main.ts') && path !== 'cli/posthorn.ts',
    );
    expect(readers.map(({ path }) => path)).toEqual([]);
  });

  it('writes to no console', () => {
    const writers = production.filter(({ path, text }) => /console\.\w+\(/.test(text) && !path.startsWith('cli/'));
    expect(writers.map(({ path }) => path)).toEqual([]);
  });

  it('goes out over HTTP by lib/safe-fetch.ts alone, and to the registry by its own client', () => {
    const callers = production.filter(({ text }) => /(?<![\w.])fetch\(/.test(text)).map(({ path }) => path);
    expect(callers.filter((path) => path !== 'lib/safe-fetch.ts' && path !== 'lib/kafka/registry.ts')).toEqual([]);
  });
});

describe('tables', () => {
  // Every table has one writer, so that each promise is kept in one place.
  const writers: Record<string, string[]> = {
    accepted: ['cli', 'services/ingest'],
    requests: ['cli', 'services/planner'],
    chunks: ['cli', 'services/planner'],
    deliveries: ['cli', 'services/dispatcher'],
    waiting: ['cli', 'services/dispatcher'],
    counters: ['cli', 'services/dispatcher'],
    suppressions: ['cli', 'services/admin', 'services/dispatcher', 'services/ingest'],
    delivery_minutes: ['services/dispatcher'],
    erased_people: ['cli'],
    known_addresses: ['cli', 'lib'],
    unsubscribes: ['cli', 'services/admin', 'services/ingest'],
    holds: ['cli', 'lib', 'services/admin', 'services/ingest'],
    sending_holds: ['cli', 'lib', 'services/planner'],
    api_keys: ['services/admin'],
    templates: ['cli', 'services/admin'],
    template_versions: ['cli', 'services/admin'],
    mailings: ['cli', 'services/admin', 'services/planner'],
    mailing_people: ['cli', 'services/admin'],
    test_sends: ['cli', 'services/admin'],
    series_cursors: ['services/planner'],
    sweep_leases: ['services/planner'],
    set_aside: ['cli', 'services/planner'],
    lifted_pauses: ['lib', 'services/planner'],
    uploads: ['services/admin'],
    uploaded_people: ['cli', 'services/admin'],
    delivery_commands: ['cli', 'services/admin', 'services/dispatcher'],
    dead_letter_actions: ['cli', 'services/admin'],
    replays: ['cli', 'services/admin'],
    feedback: ['cli', 'services/admin', 'services/ingest'],
    transport_rates: ['services/dispatcher'],
    lag_minutes: ['services/admin'],
    admin_users: ['cli', 'services/admin'],
    admin_sessions: ['cli', 'services/admin'],
    admin_log_in_tries: ['lib', 'services/admin'],
    admin_known_addresses: ['services/admin'],
    audit: ['cli', 'lib', 'services/admin', 'services/ingest'],
  };
  const services = production.filter(({ path }) => !path.startsWith('lib/db/'));
  const writes = (table: string): string[] => {
    const statement = new RegExp(
      `\\b(insert into|update|delete from|merge into|truncate)\\s+(only\\s+)?${table}\\b|\\b(insertInto|updateTable|deleteFrom)\\('${table}'`,
      'i',
    );
    // That one writes whatever stands in its own list.
    const isListed = ({ path, text }: Source) =>
      path === 'cli/person/mentions.ts' && text.includes(`table: '${table}'`);
    const writing = services.filter((source) => statement.test(source.text) || isListed(source));
    return [...new Set(writing.map(({ path }) => folderOf(path)))];
  };

  it.each(Object.entries(writers))('%s is written by %j and nobody else', (table, expected) => {
    expect(writes(table).sort()).toEqual(expected);
  });
});
