// What a template may say without meaning it: marks that other systems fill in and this one sends as they stand, and dates
// and time zones that cannot be read.
import { isZone, readDate } from './dates.ts';
import type { PartName } from './liquid.ts';
import type { TemplateFault } from './template-fault.ts';
import { blankLiquid, toPlace } from './template-source.ts';

interface Finding {
  index: number;
  detail: string;
}

const marks: readonly { pattern: RegExp; system: string }[] = [
  { pattern: /\*\|[^|*\n]{1,80}\|\*/g, system: 'Mailchimp' },
  { pattern: /%%=?[A-Za-z_][^%\n]{0,80}%%/g, system: 'Salesforce Marketing Cloud' },
  {
    pattern: /%(?:recipient\.[\w.-]{1,60}|[a-z]+_[a-z_]{1,60}|[A-Z][A-Z0-9_]{2,60})%/g,
    system: 'Mailgun or ActiveCampaign',
  },
  { pattern: /\[\[[A-Za-z][^[\]\n]{0,80}\]\]|\{\$[A-Za-z_][^{}\n]{0,80}\}/g, system: 'GetResponse, Mailjet or Smarty' },
  {
    pattern:
      /(?<!\[)\[(?:%\s?)?(?:un-?subscribe|opt-?out|web-?(?:version|view)|preferences|(?:first|last|full)[-_ ]?name|name|e-?mail)(?:[-_ ](?:link|url))?(?:,\s?fallback=[^[\]\n]{0,60})?(?:\s?%)?\]/gi,
    system: 'Campaign Monitor and others',
  },
  {
    pattern: /<\/?(?:unsubscribe|webversion|preferences|forwardtoafriend)\b[^<>\n]{0,200}>/gi,
    system: 'Campaign Monitor',
  },
  { pattern: /<%[^%\n]{1,80}%>|&lt;%[^%\n]{1,80}%&gt;/g, system: 'SendGrid or ERB' },
  { pattern: /[$#]\{[A-Za-z_][^{}\n]{0,80}\}/g, system: 'a program’s own text templates' },
  { pattern: /(?<![{$#@\w])\{[A-Za-z_]\w{0,40}\}(?!\})/g, system: 'CleverReach and others' },
  { pattern: /##[A-Za-z_][\w.]{0,60}##|@@[A-Za-z_][\w.]{0,60}@@|__[A-Z][A-Z0-9_]{1,60}__/g, system: 'other systems' },
];
/** Handlebars; the other marks of it are faults, for Liquid cannot read them. */
const partial = /\{\{>\s?[\w.\-/]{1,80}/g;
const literalDate = /(?:"([^"\n]{0,60})"|'([^'\n]{0,60})')\s{0,9}\|\s{0,9}date\b/g;
const literalZone =
  /\|\s{0,9}date\s{0,9}:\s{0,9}(?:"[^"\n]{0,200}"|'[^'\n]{0,200}')\s{0,9},\s{0,9}(?:"([^"\n]{0,60})"|'([^'\n]{0,60})')/g;

const maxFindings = 100;

/** @param source of a part that can be parsed */
export function findWarnings(part: PartName, source: string): TemplateFault[] {
  const findings = [...findMarks(source), ...findUnreadable(source)]
    .sort((a, b) => a.index - b.index)
    .slice(0, maxFindings);
  return findings.map(({ index, detail }) => ({ part, ...toPlace(source, index), detail }));
}

function findMarks(source: string): Finding[] {
  const outside = blankLiquid(source);
  const found: Finding[] = [];
  for (const { pattern, system } of marks) {
    for (const { 0: mark, index } of outside.matchAll(pattern))
      found.push({ index, detail: describeMark(mark, system) });
  }
  for (const { 0: mark, index } of source.matchAll(partial))
    found.push({ index, detail: describeMark(mark, 'Handlebars') });
  return found;
}

function describeMark(mark: string, system: string): string {
  return `“${mark}” looks like a mark of ${system}: it is sent as it stands. Here, variables are written {{ first_name }}, and {{ unsubscribe_url }} is the address for unsubscribing`;
}

function findUnreadable(source: string): Finding[] {
  const dates = [...source.matchAll(literalDate)].flatMap(({ 1: double, 2: single, index }) => {
    const text = double ?? single ?? '';
    if (readDate(text, 0)) return [];
    return {
      index,
      detail: `“${text}” is no date, or could be read as two: it is written as it stands. Write 2026-12-31`,
    };
  });
  const zones = [...source.matchAll(literalZone)].flatMap(({ 1: double, 2: single, index }) => {
    const zone = double ?? single ?? '';
    if (/^-?\d{1,4}$/.test(zone) || isZone(zone)) return [];
    return { index, detail: `“${zone}” is no time zone: the time is written in UTC. Write Europe/Berlin, or UTC` };
  });
  return [...dates, ...zones];
}
