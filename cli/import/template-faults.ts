// Where a template written for Django would not do what it did: found by the same parser as sending uses, and by a list
// of what both engines take but read differently.
import { maxSourceChars } from '../../content/limits.ts';
import { parseTemplate } from '../../content/render.ts';
import { PermanentError } from '../../lib/errors.ts';
import type { OldTemplate } from './template-entry.ts';

export interface TemplateFaults {
  /** Part, line, column and cause; null when it parses. Sends of one that does not parse fail with template_error. */
  parseFault: string | null;
  /** Places that parse and come out otherwise. */
  differences: string[];
}

export function findTemplateFaults(template: OldTemplate): TemplateFaults {
  return { parseFault: findParseFault(template), differences: findDifferences(template) };
}

function findParseFault({ channel, subject, html, text }: OldTemplate): string | null {
  try {
    parseTemplate({ templateId: '', version: 1, channel, subject, html, text, fromName: null, replyTo: null });
    return null;
  } catch (error) {
    if (error instanceof PermanentError) return error.message;
    throw error;
  }
}

/** Of one part; who mends these sees the others in the editor. */
const maxDifferences = 20;

interface Difference {
  pattern: RegExp;
  message: string;
}

// Each pattern is bounded, so that no source, however long, takes long.
const inSource: readonly Difference[] = [
  {
    pattern: /\{#[^\n]{0,500}?#\}/g,
    message: "a comment of Django's, shown as it stands here; write {% comment %}…{% endcomment %}",
  },
  {
    pattern: /\bforloop\.(?:counter0?|revcounter0?|parentloop)\b/g,
    message: 'empty here; write forloop.index, index0, rindex, rindex0',
  },
  {
    pattern: /\|\s{0,9}date\s{0,9}:\s{0,9}(?:"[^"%\n]{0,99}"|'[^'%\n]{0,99}')/g,
    message: 'dates are written with strftime\'s letters here, such as date: "%d.%m.%Y"',
  },
  { pattern: /\|\s{0,9}slice\s{0,9}:\s{0,9}["']/g, message: 'takes numbers here, such as slice: 0, 5' },
];

const tag = /\{%-?\s{0,9}(\w{1,40})([^\n]{0,500}?)-?%\}/g;
/** On what stands behind a tag's name, its quoted texts emptied. */
const inTag: readonly (Difference & { tags: readonly string[] })[] = [
  {
    tags: ['cycle'],
    pattern: /^[^,:]*(?:""|[\w.])\s+(?:""|\w)[^,]*$/,
    message: 'only the first value is taken here; put commas between them',
  },
  {
    tags: ['if', 'elsif', 'unless'],
    pattern: /\s(?:is|in)\s/,
    message: '`is` and `in` are not known here, and are passed over; write == nil, or list contains value',
  },
  {
    tags: ['if', 'elsif', 'unless'],
    pattern: /\b(?:None|True|False)\b/,
    message: 'None, True and False are nil, true and false here',
  },
  {
    tags: ['if', 'elsif', 'unless'],
    pattern: /^\s+(?:not\s+)?[A-Za-z_][\w.]*\s*$/,
    message: '0 and an empty text count as true here; write `!= blank` for texts, `> 0` for numbers',
  },
];

function findDifferences({ channel, subject, html, text }: OldTemplate): string[] {
  const found: string[] = [];
  for (const [part, source] of Object.entries({ subject, html, text })) {
    if (source && source.length <= maxSourceChars) found.push(...differencesIn(part, source));
  }
  if (channel === 'email' && subject === '') found.push('subject: it is empty');
  if ((html ?? text ?? '').trim() === '') found.push(`text: it is empty${channel === 'sms' ? ', and sends fail' : ''}`);
  return found;
}

function differencesIn(part: string, source: string): string[] {
  const found = inSource.flatMap(({ pattern, message }) =>
    [...source.matchAll(pattern)].map((match) => ({ at: match.index, match: match[0], message })),
  );
  for (const match of source.matchAll(tag)) {
    const rest = (match[2] ?? '').replace(/"[^"]*"|'[^']*'/g, '""');
    for (const { tags, pattern, message } of inTag) {
      if (!tags.includes(match[1] ?? '') || !pattern.test(rest)) continue;
      found.push({ at: match.index, match: match[0], message });
    }
  }
  return found
    .sort((a, b) => a.at - b.at)
    .slice(0, maxDifferences)
    .map(({ at, match, message }) => `${part} ${describePlace(source, at)}: ${excerpt(match)}: ${message}`);
}

function describePlace(source: string, at: number): string {
  const before = source.slice(0, at);
  return `line ${before.split('\n').length}, column ${at - before.lastIndexOf('\n')}`;
}

function excerpt(match: string): string {
  const line = match.replace(/\s+/g, ' ');
  return line.length > 40 ? `${line.slice(0, 39)}…` : line;
}
