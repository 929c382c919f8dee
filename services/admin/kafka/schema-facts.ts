// Under which subject and version the registry knows a record's schema. Versions never change: asked once an id.
import { describeError } from '../../../lib/errors.ts';
import { safeFetch } from '../../../lib/safe-fetch.ts';

export type SchemaFacts = { version: number } | { fault: string };

export interface SchemaDirectory {
  /** Never throws: a registry that is down is a fault among the facts. */
  find(schemaId: number, subject: string): Promise<SchemaFacts>;
}

const maxKept = 500;

export function createSchemaDirectory(registryUrl: string): SchemaDirectory {
  const base = registryUrl.replace(/\/+$/, '');
  const kept = new Map<string, SchemaFacts>();

  async function ask(schemaId: number, subject: string): Promise<SchemaFacts> {
    const path = `/schemas/ids/${schemaId}/versions`;
    const { status, text } = await safeFetch(`${base}${path}`, { timeoutMs: 3_000, maxBytes: 4 * 1024 * 1024 });
    if (status !== 200) return { fault: `the registry answers ${status}` };
    const pairs: unknown = JSON.parse(text);
    const own = Array.isArray(pairs) ? pairs.find((pair) => pair?.subject === subject) : undefined;
    return typeof own?.version === 'number' ? { version: own.version } : { fault: 'not registered for this subject' };
  }

  return {
    async find(schemaId, subject) {
      const key = `${schemaId} ${subject}`;
      const known = kept.get(key);
      if (known) return known;
      try {
        const facts = await ask(schemaId, subject);
        if (kept.size >= maxKept) kept.clear();
        if ('version' in facts) kept.set(key, facts);
        return facts;
      } catch (error) {
        return { fault: describeError(error) };
      }
    },
  };
}
