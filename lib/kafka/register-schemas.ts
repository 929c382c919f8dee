// Registers the schema of every subject: the schemas' part of `posthorn setup`. Services only look them up.
import confluent from '@kafkajs/confluent-schema-registry';
import { DependencyError, describeError, PosthornError } from '../errors.ts';
import { recordSchemas } from '../events.ts';
import { recordTopics, type Topics } from '../topics.ts';
import { createRegistry } from './registry.ts';

const { COMPATIBILITY, SchemaRegistry, SchemaType } = confluent;

export interface SubjectReport {
  subject: string;
  id: number;
  /** False when this very schema was there already. */
  registered: boolean;
}

/** The registry's rule for the subject forbids this schema: it would break records that were or will be written. */
export class IncompatibleSchemaError extends PosthornError {}

/**
 * Can be run again at any time. FULL_TRANSITIVE: every release reads what any other release wrote, in both directions.
 * @throws DependencyError('registry'), IncompatibleSchemaError naming the subject and what the registry says
 */
export async function registerSchemas(options: { registryUrl: string; topics: Topics }): Promise<SubjectReport[]> {
  const questions = createRegistry(options.registryUrl);
  const registry = createClient(options.registryUrl);
  const reports: SubjectReport[] = [];
  for (const { subject, record } of recordTopics(options.topics)) {
    const schema = recordSchemas[record];
    const knownId = await questions.idOf(subject, schema);
    // The rule first: a registry may not answer for the compatibility of a subject whose setup broke off in between.
    await questions.setCompatibility(subject, 'FULL_TRANSITIVE');
    if (knownId !== undefined) {
      reports.push({ subject, id: knownId, registered: false });
      continue;
    }
    try {
      const { id } = await registry.register(
        { type: SchemaType.AVRO, schema },
        { subject, compatibility: COMPATIBILITY.FULL_TRANSITIVE },
      );
      reports.push({ subject, id, registered: true });
    } catch (cause) {
      const message = `the registry does not take the schema of ${record} for ${subject}: ${describeError(cause)}`;
      if (isRefusal(cause)) throw new IncompatibleSchemaError('schema_incompatible', message, { cause });
      throw new DependencyError('registry', message, { cause });
    }
  }
  return reports;
}

/** 409: the compatibility rule forbids it; 422: no schema in the registry's eyes. */
function isRefusal(error: unknown): boolean {
  return error instanceof Error && 'status' in error && (error.status === 409 || error.status === 422);
}

function createClient(registryUrl: string): InstanceType<typeof SchemaRegistry> {
  const url = new URL(registryUrl);
  const auth = { username: decodeURIComponent(url.username), password: decodeURIComponent(url.password) };
  url.username = '';
  url.password = '';
  const withTimeLimit = () => ({
    prepareRequest: async (next: () => Promise<{ enhance(extras: { timeout: number }): unknown }>) =>
      (await next()).enhance({ timeout: 10_000 }),
  });
  return new SchemaRegistry({
    host: url.href.replace(/\/+$/, ''),
    ...(auth.username !== '' && { auth }),
    retry: { retries: 0 },
    // biome-ignore lint/suspicious/noExplicitAny: the middleware type belongs to a package that is not ours to import.
    middlewares: [withTimeLimit as any],
  });
}
