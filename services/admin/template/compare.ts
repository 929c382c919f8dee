// The difference between two versions of a template, part by part, as unified diffs.
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
/** A comparison holds up every other page as long as it takes. */
const timeLimitMs = 60;

/** @returns the parts that differ */
export function compareTexts(from: TemplateTexts, to: TemplateTexts): PartDifference[] {
  return changedParts(from, to).map(([name, title]) => ({ title, lines: compare(tidy(from[name]), tidy(to[name])) }));
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
  return patch.hunks.flatMap(({ oldStart, newStart, lines }) => [
    { sign: '@' as const, text: `line ${oldStart}, now line ${newStart}` },
    // The note about a missing line break at the end is of no use to anybody here.
    ...lines.filter((line) => !line.startsWith('\\')).map(toDiffLine),
  ]);
}

function toDiffLine(line: string): DiffLine {
  const sign = line.charAt(0);
  return { sign: sign === '+' || sign === '-' ? sign : ' ', text: line.slice(1) };
}
