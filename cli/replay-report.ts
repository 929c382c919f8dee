// How `posthorn replay` tells of a replay: what it is, how far, its numbers with their meaning, and what to do next.
import type { Replay } from '../services/admin/operator/replay-types.ts';
import { toShortName } from '../services/admin/operator/replay-wish.ts';
import { countEnded, summarize, toCountLines, toProgress } from '../services/admin/operator/replay-words.ts';
import { toTable } from './table.ts';

const modeWords = { dry_run: 'dry run', execute: 'execute', resend: 'second sending' } as const;

export function tellReplay(replay: Replay): string[] {
  const { replayId, topic, mode, state, filter, requestedBy, requestedAt } = replay;
  const filters = Object.entries(filter).map(([name, value]) => `${name}=${String(value)}`);
  return [
    `replay ${replayId}: ${toShortName(topic)}, ${modeWords[mode]}, ${state}`,
    `by ${requestedBy}, ${requestedAt.toISOString()}${filters.length > 0 ? `; only ${filters.join(', ')}` : ''}`,
    ...toTable(
      toCountLines(replay).map(({ count, label, meaning }) => [count.toLocaleString('en-US'), label, meaning]),
      '  ',
    ),
    summarize(replay),
  ];
}

export function tellNext({ replayId, mode, state, counts }: Replay): string[] {
  if (state === 'paused') return [`It is paused: \`posthorn replay resume ${replayId}\` goes on.`];
  if (state !== 'done' || mode !== 'dry_run') return [];
  const lines: string[] = [];
  if (counts.toSend + counts.uncountedRequests > 0) {
    lines.push(
      'The same command with --execute sends these. People whose records are on their way just now are among them; the',
      'ledger lets each through once, whoever comes first.',
    );
  }
  if (countEnded(counts) > 0) {
    lines.push('Who has an end gets it a second time only by --execute --resend --reason "…" --as <admin>.');
  }
  return lines;
}

export function tellProgress(replay: Replay): string {
  const { doneCount, allCount } = toProgress(replay);
  const { state, detail, counts, mode } = replay;
  if (detail !== '') return `waiting: ${detail}`;
  const share = allCount === 0 ? 100 : Math.floor((doneCount * 100) / allCount);
  const found = mode === 'dry_run' ? `${counts.toSend} to send` : `${counts.published} published`;
  return `${state}: ${doneCount} of ${allCount} records (${share} %), ${found}`;
}

export function tellRow(replay: Replay): string[] {
  const { replayId, topic, mode, state, counts, requestedAt } = replay;
  const number = mode === 'dry_run' ? `${counts.toSend} to send` : `${counts.published} published`;
  return [replayId, toShortName(topic), modeWords[mode], state, number, requestedAt.toISOString().slice(0, 19)];
}
