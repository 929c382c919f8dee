// Who stands in previews and tests of people who may not see a real person's data: the examples of the template's kind. Its id
// is nobody's at a user service, and the enricher takes it for this only in a test that the admin pages have asked for.
import type { User } from '../lib/user-service.ts';
import type { Collector, Variable } from './collectors/collector.ts';
import { variablesOf } from './kinds.ts';

export const examplePersonId = 'example:person';

export interface ExamplePerson {
  user: User;
  /** In place of what the collector would gather. */
  collected: Record<string, unknown>;
}

export function toExamplePerson(collector: Collector | undefined): ExamplePerson {
  const names = collector ? toValues(variablesOf(collector)) : {};
  const user: User = {
    id: examplePersonId,
    first_name: String(names.first_name ?? ''),
    last_name: String(names.last_name ?? ''),
    email: null,
    phone: null,
    promo_agree: true,
  };
  return { user, collected: collector ? toValues(collector.variables) : {} };
}

const toValues = (variables: readonly Variable[]) =>
  Object.fromEntries(variables.map(({ name, example }) => [name, example]));
