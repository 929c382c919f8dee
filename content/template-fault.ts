// The errors of templates say their place in words (liquid.ts), for those words are all that an outcome's detail keeps.
// Here the place is read back, for pages that mark it.
import type { PartName } from './liquid.ts';

export interface TemplateFault {
  /** Undefined for what concerns no part in particular. */
  part: PartName | undefined;
  /** From 1. */
  line: number | undefined;
  /** From 1. */
  column: number | undefined;
  detail: string;
}

const placed = /^(subject|html|text)(?: line (\d+), column (\d+))?: (.*)$/s;

/** @param message such as `html line 3, column 5: tag "if" not closed` */
export function toTemplateFault(message: string): TemplateFault {
  const [, part, line, column, detail] = placed.exec(message) ?? [];
  if (part === undefined) return { part: undefined, line: undefined, column: undefined, detail: message };
  return { part: part as PartName, line: toNumber(line), column: toNumber(column), detail: detail ?? '' };
}

function toNumber(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits);
}
