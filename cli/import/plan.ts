// The import's decision: which rows a dump becomes, given what is there already. Pure, so that a dry run says exactly what
// a real one does.

import { importedMailingId } from '../../domain/ids.ts';
import type { Priority } from '../../lib/topics.ts';
import type { Entry } from './dump.ts';
import { addFault, type Faults } from './fields.ts';
import { mailingFields, mailingModel, type OldMailing, readMailing } from './mailing-entry.ts';
import { createShortNames } from './slug.ts';
import { type OldTemplate, readTemplate, templateFields, templateModel } from './template-entry.ts';

/** What the database has. */
export interface Present {
  templates: readonly { templateId: string; legacyNumber: number | null; title: string }[];
  /** Old numbers of mailings. */
  mailings: ReadonlySet<number>;
}

export interface NewTemplate extends OldTemplate {
  templateId: string;
}

export interface NewMailing {
  mailingId: string;
  legacyNumber: number;
  status: 'draft' | 'done' | 'cancelled';
  title: string;
  templateId: string | null;
  priority: Priority;
  isPromo: boolean;
  context: string;
  userIds: string[];
  userCategories: string[];
  scheduledAt: Date | null;
  confirmedAt: Date | null;
  createdAt: Date;
  updatedAt: Date;
}

export interface ImportPlan {
  templates: NewTemplate[];
  mailings: NewMailing[];
  /** Of the dump, but in the database before; they are left as they are. */
  templatesThere: { legacyNumber: number; templateId: string }[];
  mailingsThere: number[];
  /** What is not imported, and how often: `auth.user`, `admin_panel.template: field author`. */
  passedOver: Map<string, number>;
}

export interface ReadDump {
  templates: OldTemplate[];
  mailings: OldMailing[];
  passedOver: Map<string, number>;
}

/** @param faults gets every fault of the entries that are ours; the result is of use only while it stays empty */
export function readEntries(entries: readonly Entry[], faults: Faults, timeZone: string | undefined): ReadDump {
  const dump: ReadDump = { templates: [], mailings: [], passedOver: new Map() };
  const pass = (what: string) => dump.passedOver.set(what, (dump.passedOver.get(what) ?? 0) + 1);
  const seen = new Map<string, number>();
  for (const entry of entries) {
    const known = entry.model === templateModel ? templateFields : entry.model === mailingModel ? mailingFields : null;
    if (known === null) {
      pass(entry.model);
      continue;
    }
    for (const name of Object.keys(entry.fields)) if (!known.includes(name)) pass(`${entry.model}: field ${name}`);
    const key = `${entry.model} ${JSON.stringify(entry.pk)}`;
    const earlier = seen.get(key);
    if (earlier !== undefined) addFault(faults, entry, 'pk', `is that of entry /${earlier} as well`);
    seen.set(key, entry.index);
    if (entry.model === templateModel) {
      const template = readTemplate(entry, faults, timeZone);
      if (template) dump.templates.push(template);
    } else {
      const mailing = readMailing(entry, faults, timeZone);
      if (mailing) dump.mailings.push(mailing);
    }
  }
  // In the order of their numbers, so that short names do not depend on the order in the dump.
  dump.templates.sort((a, b) => a.legacyNumber - b.legacyNumber);
  dump.mailings.sort((a, b) => a.legacyNumber - b.legacyNumber);
  return dump;
}

/** @param faults gets mailings whose template is nowhere */
export function planImport(dump: ReadDump, present: Present, faults: Faults, now: Date): ImportPlan {
  const plan: ImportPlan = {
    templates: [],
    mailings: [],
    templatesThere: [],
    mailingsThere: [],
    passedOver: dump.passedOver,
  };
  const shortNames = createShortNames(present.templates.map(({ templateId }) => templateId));
  const byNumber = new Map<number, { templateId: string; title: string }>();
  for (const { legacyNumber, ...template } of present.templates) {
    if (legacyNumber !== null) byNumber.set(legacyNumber, template);
  }
  for (const template of dump.templates) {
    const { legacyNumber, title } = template;
    const there = byNumber.get(legacyNumber);
    if (there) {
      plan.templatesThere.push({ legacyNumber, templateId: there.templateId });
      continue;
    }
    const templateId = shortNames.take(title, legacyNumber);
    byNumber.set(legacyNumber, { templateId, title });
    plan.templates.push({ ...template, templateId });
  }
  for (const mailing of dump.mailings) {
    if (present.mailings.has(mailing.legacyNumber)) {
      plan.mailingsThere.push(mailing.legacyNumber);
      continue;
    }
    const template = mailing.template === null ? null : byNumber.get(mailing.template);
    if (template === undefined) {
      const message = `is ${mailing.template}, and no template of that number is in the dump or in the database`;
      addFault(faults, mailing.entry, 'fields/template', message);
    } else {
      plan.mailings.push(toNewMailing(mailing, template, now));
    }
  }
  return plan;
}

function toNewMailing(old: OldMailing, template: { templateId: string; title: string } | null, now: Date): NewMailing {
  const isDraft = old.status === 'pending';
  // History stands in lists where it belongs by age, also when the dump does not say when it was written.
  const ended = isDraft ? null : (old.executedAt ?? old.scheduledAt);
  const createdAt = old.createdAt ?? (ended !== null && ended < now ? ended : now);
  return {
    mailingId: importedMailingId(old.legacyNumber),
    legacyNumber: old.legacyNumber,
    status: old.status === 'pending' ? 'draft' : old.status,
    title: `${template?.title ?? 'Mailing'} #${old.legacyNumber}`,
    templateId: template?.templateId ?? null,
    priority: old.priority,
    isPromo: old.isPromo,
    context: old.context,
    userIds: old.userIds,
    userCategories: old.userCategories,
    scheduledAt: old.scheduledAt,
    confirmedAt: isDraft ? null : old.executedAt,
    createdAt,
    updatedAt: old.updatedAt ?? createdAt,
  };
}
