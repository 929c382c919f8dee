// What every collector is: a kind of template, the variables it offers, and how they come from a person's record.
import type { User } from '../../lib/user-service.ts';

export interface Variable {
  name: string;
  /** For the people who write templates. */
  description: string;
  /** Stands in for the real value where there is no person, such as in a preview. */
  example: string | number;
}

export interface Collector {
  /** The kind's name, as templates carry it. */
  kind: string;
  /** For the people who choose a kind. */
  title: string;
  variables: readonly Variable[];
  /** Pure. The result is written to the record as JSON, so it holds plain values only. */
  collect(user: User): Record<string, unknown>;
}
