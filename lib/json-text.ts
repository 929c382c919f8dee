// A request's context: the text of one JSON object within limits, checked where it enters (ingest, planner).

export const maxContextBytes = 64 * 1024;
export const maxContextLevels = 16;

/** @returns what is wrong with it, for people; undefined when it is usable */
export function findContextFault(text: string): string | undefined {
  const bytes = Buffer.byteLength(text);
  if (bytes > maxContextBytes) return `is ${bytes} bytes long; ${maxContextBytes} are allowed`;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'is not JSON';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'must be a JSON object';
  if (isDeeperThan(value, maxContextLevels)) return `is nested deeper than ${maxContextLevels} levels`;
  return undefined;
}

/** Counts the object itself as the first level; never goes deeper than the limit. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((member) => isDeeperThan(member, levels - 1));
}
