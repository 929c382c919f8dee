// The closed table of template kinds. A new kind is one file in collectors/ and its line here.
import type { Collector, Variable } from './collectors/collector.ts';
import { common } from './collectors/common.ts';
import { monthlyPersonalStatistic } from './collectors/monthly-personal-statistic.ts';

const collectors: readonly Collector[] = [common, monthlyPersonalStatistic];

export const kinds: ReadonlyMap<string, Collector> = new Map(
  collectors.map((collector) => [collector.kind, collector]),
);

const nameVariables: readonly Variable[] = [
  { name: 'first_name', description: "The person's first name", example: 'Ada' },
  { name: 'last_name', description: "The person's last name", example: 'Lovelace' },
];

/** render.ts gives it to promotional e-mail; others see nothing, or what the context has under this name. */
const unsubscribeVariable: Variable = {
  name: 'unsubscribe_url',
  description: 'Promotional e-mail: where the person ends it. A mail that does not show it gets a line that does',
  example: 'https://example.com/u/test',
};

/** @returns undefined for a kind that this release does not know */
export function findCollector(kind: string): Collector | undefined {
  return kinds.get(kind);
}

/** Every variable that a template of this kind can use besides the request's context. */
export function variablesOf(collector: Collector): readonly Variable[] {
  return [...nameVariables, ...collector.variables, unsubscribeVariable];
}
