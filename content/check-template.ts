// What is wrong with a template before anybody is written to: every part is looked at by itself, so that a person who
// edits sees all faults at once, and which variables it expects. Pure; for a hostile template as slow as rendering it,
// so services call it where they render.
import { isEmailAddress } from './address.ts';
import { describeBadLink, findLiteralBadLinks } from './links.ts';
import { findVariables, type PartName, parsePart, type VariableUse } from './liquid.ts';
import { parseTemplate } from './render.ts';
import { toRenderFault } from './render-fault.ts';
import type { TemplateVersion } from './template.ts';
import { type TemplateFault, toTemplateFault } from './template-fault.ts';
import { toPlace } from './template-source.ts';
import { findWarnings } from './template-warnings.ts';

export interface PartVariable extends VariableUse {
  part: PartName;
}

export interface TemplateCheck {
  /** Each keeps every message of this template from being made as it should be. */
  faults: TemplateFault[];
  /** What may not be meant as it is written. */
  warnings: TemplateFault[];
  /** Every place where a variable of the top level is read, with those that are always there. */
  variables: PartVariable[];
}

export function checkTemplate(template: TemplateVersion): TemplateCheck {
  const faults: TemplateFault[] = [];
  const warnings: TemplateFault[] = [];
  const variables: PartVariable[] = [];
  for (const { name, source } of partsOf(template)) {
    try {
      const part = parsePart(name, name === 'html' ? 'html' : 'text', source);
      variables.push(...findVariables(part).map((use) => ({ part: name, ...use })));
      if (name === 'html') faults.push(...findLinkFaults(source));
      warnings.push(...findWarnings(name, source));
    } catch (error) {
      faults.push(toTemplateFault(toRenderFault(error).message));
    }
  }
  if (template.html === null && template.text === null) {
    faults.push(toTemplateFault('text: it is empty, and there is nothing to make it from'));
  }
  if (template.channel === 'email' && template.replyTo !== null && !isEmailAddress(template.replyTo)) {
    faults.push(toTemplateFault('the address for answers is not an e-mail address'));
  }
  if (faults.length > 0) return { faults, warnings, variables };
  try {
    // What each part does not show by itself, such as an HTML part of which no text can be made.
    parseTemplate(template);
  } catch (error) {
    faults.push(toTemplateFault(toRenderFault(error).message));
  }
  return { faults, warnings, variables };
}

const maxLinkFaults = 20;

function findLinkFaults(source: string): TemplateFault[] {
  const links = findLiteralBadLinks(source).slice(0, maxLinkFaults);
  return links.map((link) => ({
    part: 'html',
    ...toPlace(source, link.begin),
    detail: describeBadLink(link),
  }));
}

function partsOf({ channel, subject, html, text }: TemplateVersion): { name: PartName; source: string }[] {
  return [
    ...(channel === 'email' ? [{ name: 'subject' as const, source: subject }] : []),
    ...(html === null || channel === 'sms' ? [] : [{ name: 'html' as const, source: html }]),
    ...(text === null ? [] : [{ name: 'text' as const, source: text }]),
  ];
}
