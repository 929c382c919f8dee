// What an import has done, or would do, for the person who has to trust it.
import { toTable } from '../table.ts';
import type { ImportPlan, NewMailing, NewTemplate } from './plan.ts';
import { findTemplateFaults } from './template-faults.ts';

/** Mailings listed one by one; more with `--all`. */
const listedMailings = 40;
const maxTitleChars = 40;

export function describeImport(plan: ImportPlan, all: boolean): string[] {
  return [
    ...describeTemplates(plan),
    ...describeMailings(plan, all),
    ...describePassedOver(plan),
    ...describeNeedsWork(plan.templates),
  ];
}

function describeTemplates({ templates, templatesThere }: ImportPlan): string[] {
  const there = templatesThere.map(({ legacyNumber, templateId }) => [
    String(legacyNumber),
    templateId,
    'left as it is',
  ]);
  const added = templates.map((template) => [
    String(template.legacyNumber),
    template.templateId,
    `${template.channel}, ${template.kind}`,
    shorten(template.title),
  ]);
  return [
    `Templates: ${templates.length} new, ${templatesThere.length} there already`,
    ...toTable(added.length > 0 ? [['old', 'short name', 'channel, kind', 'title'], ...added] : [], '  '),
    ...(there.length > 0 ? ['  there already:', ...toTable(there, '  ')] : []),
  ];
}

function describeMailings({ mailings, mailingsThere }: ImportPlan, all: boolean): string[] {
  const count = (status: NewMailing['status']) => mailings.filter((mailing) => mailing.status === status).length;
  const listed = all ? mailings : mailings.slice(0, listedMailings);
  const rows = listed.map((mailing) => [
    String(mailing.legacyNumber),
    mailing.mailingId,
    mailing.status,
    mailing.templateId ?? '(no template)',
    describeAudience(mailing),
  ]);
  const more = mailings.length - listed.length;
  return [
    '',
    `Mailings: ${mailings.length} new (${plural(count('draft'), 'draft', 'drafts')}, ${count('done')} done, ${count('cancelled')} cancelled), ` +
      `${mailingsThere.length} there already`,
    ...toTable(rows.length > 0 ? [['old', 'mailing', 'status', 'template', 'audience'], ...rows] : [], '  '),
    ...(more > 0 ? [`  and ${more} more; --all lists them`] : []),
  ];
}

function describeAudience({ userIds, userCategories }: NewMailing): string {
  const people = userIds.length === 0 ? [] : [plural(userIds.length, 'person', 'people')];
  return [...userCategories, ...people].join(' + ') || 'nobody';
}

function describePassedOver({ passedOver }: ImportPlan): string[] {
  if (passedOver.size === 0) return [];
  const rows = [...passedOver].map(([what, count]) => [what, plural(count, 'entry', 'entries')]);
  return ['', 'Passed over, not imported:', ...toTable(rows, '  ')];
}

function describeNeedsWork(templates: readonly NewTemplate[]): string[] {
  const broken: string[] = [];
  const different: string[] = [];
  for (const template of templates) {
    const { parseFault, differences } = findTemplateFaults(template);
    if (parseFault !== null) broken.push(`  ${template.templateId}: ${parseFault}`);
    different.push(...differences.map((place) => `  ${template.templateId}: ${place}`));
  }
  return [
    ...(broken.length > 0
      ? [
          '',
          `Needs work (${broken.length}): does not parse as it is, so that every send would fail with template_error:`,
        ]
      : []),
    ...broken,
    ...(different.length > 0 ? ['', 'Needs a look: parses, but comes out otherwise than in Django:'] : []),
    ...different,
  ];
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

function shorten(title: string): string {
  const line = title.replace(/\s+/g, ' ');
  return [...line].length > maxTitleChars ? `${[...line].slice(0, maxTitleChars - 1).join('')}…` : line;
}
