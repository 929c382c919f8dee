// Which variables a mailing has to give for its template: those that it reads and neither the person nor the kind gives.
// A version never changes, so what was found once is kept.
import { findCollector, variablesOf } from '../../../content/kinds.ts';
import type { Previewer } from '../preview.ts';
import type { ChosenTemplate } from '../queries/mailings-templates.ts';

export interface TemplateNeeds {
  /** In the order of the template. */
  names: string[];
  /** What keeps every message of it from being made, in words. */
  faults: string[];
}

export type FindNeeds = (template: ChosenTemplate) => Promise<TemplateNeeds>;

const maxKept = 500;

export function createTemplateNeeds(previewer: Pick<Previewer, 'check'>): FindNeeds {
  const kept = new Map<string, TemplateNeeds>();
  return async (template) => {
    const key = `${template.kind} ${template.templateId} ${template.version.version}`;
    const known = kept.get(key);
    if (known) return known;
    const check = await previewer.check(template.version);
    const collector = findCollector(template.kind);
    const given = new Set(collector ? variablesOf(collector).map(({ name }) => name) : []);
    const names = [...new Set(check.variables.map(({ name }) => name))].filter((name) => !given.has(name));
    const faults = check.faults.map(
      ({ part, line, detail }) => `${part ?? ''}${line ? ` line ${line}` : ''}: ${detail}`,
    );
    if (!collector) faults.push(`This release does not know its kind, ${template.kind}.`);
    const needs = { names, faults };
    // A check that was stopped says nothing of the template.
    if (faults.length === 0) {
      if (kept.size >= maxKept) kept.clear();
      kept.set(key, needs);
    }
    return needs;
  };
}
