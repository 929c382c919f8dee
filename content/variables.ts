// What a template sees at its top level, later ones winning: what the kind's collector gathered, the request's context,
// the person's name.
import { PermanentError } from '../lib/errors.ts';

export type Variables = Record<string, unknown>;

export interface PersonData {
  /** One JSON object as text, from the kind's collector. */
  collected: string;
  /** One JSON object as text, from the producer. */
  context: string;
  firstName: string;
  lastName: string;
}

/**
 * @returns a new object for every call; it may share the values inside it
 * @throws PermanentError('template_error') when `collected` or `context` is not a JSON object
 */
export function toVariables(person: PersonData): Variables {
  return {
    ...parseObject('collected', person.collected),
    ...parseObject('context', person.context),
    first_name: person.firstName,
    last_name: person.lastName,
  };
}

// The people of a chunk have one context, and it comes with each of them.
let lastContext: { text: string; value: Variables } = { text: '{}', value: {} };

function parseObject(name: 'collected' | 'context', text: string): Variables {
  if (text === '{}') return {};
  if (name === 'context' && lastContext.text === text) return lastContext.value;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    // The error's own words quote the text: values of a person, or of a confidential template.
    throw new PermanentError('template_error', `${name}: it is not JSON`, { cause: error });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new PermanentError('template_error', `${name}: it is not a JSON object`);
  }
  if (name === 'context') lastContext = { text, value: value as Variables };
  return value as Variables;
}
