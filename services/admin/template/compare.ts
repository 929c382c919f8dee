// The difference between two versions of a template, part by part, as unified diffs. It runs in the preview's thread: two
// long texts take long to compare, and no other page waits for them.
import { structuredPatch } from 'diff';
import type { TemplateTexts } from '../queries/templates-write.ts';

export interface DiffLine {
  /** `@` begins a new place in the text. */
  sign: '+' | '-' | ' ' | '@';
  text: string;
}

export interface PartDifference {
  title: string;
  /** Null when the two differ too much for a comparison that is worth its time. */
  lines: DiffLine[] | null;
}

const parts: readonly [keyof TemplateTexts, string][] = [
  ['subject', 'Subject'],
  ['fromName', 'From-name'],
  ['replyTo', 'Address for answers'],
  ['html', 'HTML'],
  ['text', 'Text'],
];
/** Of one part. The thread is stopped after 1 s (preview.ts). */
const timeLimitMs = 150;
/** More are not read by anybody, and the page that shows them is made in the main thread. */
const maxLines = 5_000;

/** @returns the parts that differ */
export function compareTexts(from: TemplateTexts, to: TemplateTexts): PartDifference[] {
  return changedParts(from, to).map(([name, title]) => ({ title, lines: compare(tidy(from[name]), tidy(to[name])) }));
}

/** For texts that could not be compared in time. */
export function namePartsOnly(from: TemplateTexts, to: TemplateTexts): PartDifference[] {
  return changedParts(from, to).map(([, title]) => ({ title, lines: null }));
}

export function changedParts(from: TemplateTexts, to: TemplateTexts): (readonly [keyof TemplateTexts, string])[] {
  return parts.filter(([name]) => tidy(from[name]) !== tidy(to[name]));
}

/** Texts of the system before have the line ends of Windows, and empty parts for none: a form gives neither back. */
function tidy(text: string | null): string {
  return (text ?? '').replace(/\r\n?/g, '\n');
}

function compare(from: string, to: string): DiffLine[] | null {
  const options = { context: 3, timeout: timeLimitMs, maxEditLength: 5_000 };
  const patch = structuredPatch('', '', from, to, undefined, undefined, options);
  if (!patch) return null;
  const shown = patch.hunks.flatMap(({ oldStart, newStart, lines }) => [
    { sign: '@' as const, text: `line ${oldStart}, now line ${newStart}` },
    // The note about a missing line break at the end is of no use to anybody here.
    ...lines.filter((line) => !line.startsWith('\\')).map(toDiffLine),
  ]);
  return shown.length > maxLines ? null : shown;
}

function toDiffLine(line: string): DiffLine {
  const sign = line.charAt(0);
  return { sign: sign === '+' || sign === '-' ? sign : ' ', text: line.slice(1) };
}
