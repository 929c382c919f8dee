// Keeps slices of big messages small: five hundred newsletters of 200 kB each would be 100 MB in this process at once.
// What a template's messages came to lately decides how many people its records count for; the runtime ends a slice at
// five hundred of them. A template that is not known yet meets the limit of `render-lane.ts` instead.
import type { Rendering } from './work.ts';

/** A message of this size, or smaller, counts as one person. */
const charsPerPerson = 16 * 1024;
const maxWeight = 500;
const maxTemplates = 1_000;

export interface SliceWeight {
  weigh(templateKey: string): number;
  learn(templateKey: string, rendering: Rendering): void;
}

export function createSliceWeight(): SliceWeight {
  /** Only templates that weigh more than one. */
  const weights = new Map<string, number>();
  return {
    weigh: (templateKey) => weights.get(templateKey) ?? 1,
    learn(templateKey, rendering) {
      const weight = Math.min(maxWeight, Math.ceil(countChars(rendering) / charsPerPerson));
      if (weight > 1) weights.set(templateKey, weight);
      else if (weight === 1) weights.delete(templateKey);
      const [oldest] = weights.keys();
      if (weights.size > maxTemplates && oldest !== undefined) weights.delete(oldest);
    },
  };
}

/** @returns 0 for what is no message */
export function countChars(rendering: Rendering): number {
  if (rendering.kind !== 'message') return 0;
  const { subject, text, html } = rendering.message;
  return Math.max(1, subject.length + text.length + (html?.length ?? 0));
}
