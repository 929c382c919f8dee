// Says aloud, and counts, what was deleted from a topic before its group had read it.
import type { Logger } from '../logger.ts';
import type { StageMetrics } from '../metrics.ts';
import { type OffsetJump, onOffsetJump } from './offset-jumps.ts';

/**
 * Offsets that the group never came to. Nobody knows how many there were when the topic ends before the group's offset: it
 * was deleted and made again, or Kafka lost its end. Then it is one. Without an offset of the group all before are taken.
 */
export function countLost(from: bigint | null, to: bigint): number {
  const lost = to - (from ?? 0n);
  return lost >= 0n ? Number(lost) : 1;
}

export interface Member {
  /** By the id of the group's member: several consumers of one group may run in one process. */
  isOurs(memberId: string): boolean;
  /** How far it has ever read. Kafka forgets the offsets of a group together with the topic. */
  reached(partition: number): bigint | undefined;
}

/** @returns to be called when the consumer is gone */
export function watchLostOffsets(
  group: string,
  member: Member,
  { logger, metrics }: { logger: Logger; metrics: StageMetrics },
): () => void {
  /** By partition: a jump that is told again, because its commit failed, is no other one. */
  const told = new Map<number, string>();

  return onOffsetJump(group, ({ memberId, topic, partition, ...jump }: OffsetJump) => {
    const { to } = jump;
    const from = jump.from ?? member.reached(partition) ?? null;
    const name = `${from} ${to}`;
    if (!member.isOurs(memberId) || told.get(partition) === name || (from === null && to === 0n)) return;
    told.set(partition, name);
    const lost = countLost(from, to);
    metrics.offsetsLost(lost);
    logger.error(
      { topic, partition, group, committedOffset: from === null ? null : String(from), nextOffset: String(to), lost },
      from === null || from < to
        ? 'records were deleted before this group had read them: reading goes on at the first one that is left'
        : 'the topic ends before the offset of this group, it was made anew or has lost records: it is read from its start',
    );
  });
}
