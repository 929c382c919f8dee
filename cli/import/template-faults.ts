// Where a template written for Django would not do what it did: found by the same parser as sending uses, and by a list
// of what both engines take but read differently.
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

// Inside a tag or an output, not across its end.
const inTag = '(?:(?!%\\}|\\}\\}).)*?';
const differences: readonly { pattern: RegExp; message: string }[] = [
  {
    pattern: /\{#.*?#\}/g,
    message: "a comment of Django's, shown as it stands here; write {% comment %}…{% endcomment %}",
  },
  {
    pattern: /\bforloop\.(?:counter0?|revcounter0?|parentloop)\b/g,
    message: 'empty here; write forloop.index, index0, rindex, rindex0 or parentloop',
  },
  {
    pattern: /\|\s*date\s*:\s*(?:"[^"%]*"|'[^'%]*')/g,
    message: 'dates are written with strftime\'s letters here, such as date: "%d.%m.%Y"',
  },
  { pattern: /\|\s*slice\s*:\s*["']/g, message: 'takes numbers here, such as slice: 0, 5' },
  {
    pattern: new RegExp(`\\{%-?\\s*cycle\\s+(?:"[^"]*"|'[^']*'|[\\w.]+)\\s+["'\\w]${inTag}%\\}`, 'g'),
    message: 'only the first value is taken here; put commas between them',
  },
  {
    pattern: new RegExp(`\\{%-?\\s*(?:if|elsif|unless)\\s${inTag}\\b(?:is|in)\\s${inTag}%\\}`, 'g'),
    message: '`is` and `in` are not known here and are passed over in silence; write == nil, or list contains value',
  },
  {
    pattern: new RegExp(`\\{%-?\\s*(?:if|elsif|unless)\\s${inTag}\\b(?:None|True|False)\\b${inTag}%\\}`, 'g'),
    message: 'None, True and False are nil, true and false here',
  },
  {
    pattern: /\{%-?\s*(?:if|elsif|unless)\s+(?:not\s+)?[A-Za-z_][\w.]*\s*-?%\}/g,
    message: '0 and an empty text count as true here; write `!= blank` for texts, `> 0` for numbers',
  },
];

function findDifferences({ channel, subject, html, text }: OldTemplate): string[] {
  const found: string[] = [];
  for (const [part, source] of Object.entries({ subject, html, text })) {
    if (source) found.push(...differencesIn(part, source));
  }
  if (channel === 'email' && subject === '') found.push('subject: it is empty');
  if ((html ?? text ?? '').trim() === '') found.push(`text: it is empty${channel === 'sms' ? ', and sends fail' : ''}`);
  return found;
}

function differencesIn(part: string, source: string): string[] {
  const places = differences.flatMap(({ pattern, message }) =>
    [...source.matchAll(pattern)].map((match) => ({ at: match.index, match: match[0], message })),
  );
  return places
    .sort((a, b) => a.at - b.at)
    .map(({ at, match, message }) => `${part} ${describePlace(source, at)}: ${excerpt(match)}: ${message}`);
}

function describePlace(source: string, at: number): string {
  const before = source.slice(0, at);
  return `line ${before.split('\n').length}, column ${at - before.lastIndexOf('\n')}`;
}

function excerpt(match: string): string {
  return match.length > 40 ? `${match.slice(0, 39)}…` : match;
}
