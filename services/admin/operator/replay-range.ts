// From where to where: what people write (`2h`, a time, `beginning`, offsets by partition) as offsets of a topic's partitions.
import { PosthornError } from '../../../lib/errors.ts';
import type { KeptAdmin } from '../kafka/kept-admin.ts';
import type { Offsets } from './replay-types.ts';

export type Place =
  | { kind: 'beginning' }
  | { kind: 'end' }
  | { kind: 'time'; ms: number }
  | { kind: 'offsets'; offsets: ReadonlyMap<number, bigint> };

/** What is wrong with what somebody asked for, and in which field of the form. */
export class ReplayFault extends PosthornError {
  readonly field: string;
  constructor(field: string, message: string) {
    super('replay_invalid', message);
    this.field = field;
  }
}

const unitMs: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 };
const hint =
  'a time (2026-11-23T08:00Z), how long ago (30m, 2h, 3d), offsets by partition (0:1200,1:1180), beginning or end';

/** @throws ReplayFault */
export function parsePlace(field: 'from' | 'until', text: string, nowMs: number): Place {
  const given = text.trim();
  if (given === 'beginning') return { kind: 'beginning' };
  if (given === 'end' || given === 'now') return { kind: 'end' };
  const [, amount, unit] = /^(\d{1,5})([mhd])$/.exec(given) ?? [];
  if (amount && unit) return { kind: 'time', ms: nowMs - Number(amount) * (unitMs[unit] ?? 0) };
  if (/^\d+:\d{1,18}(\s*,\s*\d+:\d{1,18})*$/.test(given)) {
    const pairs = given.split(',').map((pair) => pair.trim().split(':'));
    return {
      kind: 'offsets',
      offsets: new Map(pairs.map(([partition, offset]) => [Number(partition), BigInt(offset ?? 0)])),
    };
  }
  // Without a zone it is UTC, as everywhere in Posthorn.
  const [, day, time = '00:00', zone = 'Z'] =
    /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?))?(Z|[+-]\d{2}:\d{2})?$/.exec(given) ?? [];
  const ms = day ? Date.parse(`${day}T${time}${zone}`) : Number.NaN;
  // Date reads 31 February as 3 March.
  const isDay = day !== undefined && new Date(`${day}T00:00Z`).toJSON()?.startsWith(day);
  if (Number.isNaN(ms) || !isDay) throw new ReplayFault(field, `'${given}' is none of: ${hint}.`);
  return { kind: 'time', ms };
}

/**
 * The stretch of every partition, inside what it keeps; those of which nothing is wanted are left out. Where offsets are
 * given, partitions that are not named are left out.
 * @throws ReplayFault, DependencyError('kafka')
 */
export async function resolveRange(
  admin: Pick<KeptAdmin, 'use'>,
  topic: string,
  from: Place,
  until: Place,
): Promise<{ from: Offsets; until: Offsets }> {
  const ranges = await admin.use((one) => one.fetchTopicOffsets(topic));
  const known = new Set(ranges.map(({ partition }) => partition));
  const resolve = async (field: string, place: Place): Promise<Map<number, bigint>> => {
    if (place.kind === 'offsets') {
      const strange = [...place.offsets.keys()].find((partition) => !known.has(partition));
      if (strange !== undefined) {
        throw new ReplayFault(field, `${topic} has no partition ${strange}: it has ${known.size}, from 0.`);
      }
      return new Map(place.offsets);
    }
    if (place.kind === 'time') {
      const found = await admin.use((one) => one.fetchTopicOffsetsByTimestamp(topic, place.ms));
      return new Map(found.map(({ partition, offset }) => [partition, BigInt(offset)]));
    }
    return new Map(ranges.map(({ partition, low, high }) => [partition, BigInt(place.kind === 'end' ? high : low)]));
  };
  const [starts, ends] = [await resolve('from', from), await resolve('until', until)];
  const stretches = ranges.flatMap(({ partition, low, high }) => {
    const [start, end] = [starts.get(partition), ends.get(partition)];
    if (start === undefined || end === undefined) return [];
    const [first, last] = [start < BigInt(low) ? BigInt(low) : start, end > BigInt(high) ? BigInt(high) : end];
    return first < last ? [{ partition, first: String(first), last: String(last) }] : [];
  });
  return {
    from: Object.fromEntries(stretches.map(({ partition, first }) => [partition, first])),
    until: Object.fromEntries(stretches.map(({ partition, last }) => [partition, last])),
  };
}
