// Tries a template out as it stands in the editor: faults and warnings with their places, and the message that one person
// would get. The same for the page, for its script and before saving.
import type { TemplateCheck } from '../../../content/check-template.ts';
import type { Variable } from '../../../content/collectors/collector.ts';
import { findCollector, variablesOf } from '../../../content/kinds.ts';
import { describeBadLink } from '../../../content/links.ts';
import type { Message } from '../../../content/render.ts';
import { measureSms, type SmsSize } from '../../../content/sms-parts.ts';
import type { TemplateVersion } from '../../../content/template.ts';
import type { TemplateFault } from '../../../content/template-fault.ts';
import { toTestUnsubscribeUrl } from '../../../content/unsubscribe.ts';
import { findContextFault } from '../../../domain/context.ts';
import type { Previewer } from '../preview.ts';
import type { TemplateTexts } from '../queries/templates-write.ts';
import type { PreviewPeople } from './preview-people.ts';

export interface Mark extends TemplateFault {
  level: 'fault' | 'warning';
}

export interface TryOut {
  /** Faults first, then warnings, each in the order of the text. */
  marks: Mark[];
  /** Every part can be read; what is wrong then is wrong with this message. */
  isReadable: boolean;
  /** Null when it cannot be made; a mark says why. */
  message: Message | null;
  /** Of an SMS that can be made. */
  sms: SmsSize | null;
  person: { userId: string; name: string; from: 'chosen' | 'somebody' | 'examples' };
  userFault: string | null;
  contextFault: string | null;
  notice: string | null;
  /** What the kind and the channel offer. */
  offered: readonly Variable[];
}

export interface Draft {
  templateId: string;
  channel: TemplateVersion['channel'];
  kind: string;
  isPromo: boolean;
  texts: TemplateTexts;
  /** Empty for anybody. */
  userId: string;
  /** Of whoever tries it out. */
  mayUsePeople: boolean;
  /** As entered; empty for none. */
  context: string;
}

interface Tools {
  previewer: Previewer;
  people: PreviewPeople;
  publicUrl: string;
}

const maxWarnings = 30;

export async function tryOut({ previewer, people, publicUrl }: Tools, draft: Draft): Promise<TryOut> {
  const template: TemplateVersion = {
    templateId: draft.templateId,
    version: 0,
    channel: draft.channel,
    ...draft.texts,
  };
  const givenContext = draft.context.trim() === '' ? '{}' : draft.context;
  const contextFault = findContextFault(givenContext);
  const context = contextFault === undefined ? givenContext : '{}';
  const [check, person] = await Promise.all([
    previewer.check(template),
    people.find(draft.kind, draft.userId, draft.mayUsePeople),
  ]);
  const faults: Mark[] = check.faults.map((fault) => ({ level: 'fault', ...fault }));
  let message: Message | null = null;
  if (faults.length === 0) {
    const preview = await previewer.preview({
      template,
      kind: draft.kind,
      user: person.user,
      context: withExamples(person.examples, context),
      unsubscribeUrl: draft.isPromo && draft.channel === 'email' ? toTestUnsubscribeUrl(publicUrl) : null,
    });
    if (preview.kind === 'message') message = preview.message;
    else {
      const { part, line, column, detail } = preview;
      faults.push({ level: 'fault', part, line, column, detail });
    }
  }
  const { id, first_name: firstName, last_name: lastName } = person.user;
  return {
    marks: [...faults, ...findWarnings(check, message, draft, context)],
    isReadable: check.faults.length === 0,
    message,
    sms: message && draft.channel === 'sms' ? measureSms(message.text) : null,
    person: { userId: id, name: `${firstName} ${lastName}`.trim(), from: person.from },
    userFault: person.fault ?? null,
    contextFault: contextFault === undefined ? null : `It ${contextFault}.`,
    notice: person.notice ?? null,
    offered: offeredVariables(draft.kind, draft.channel),
  };
}

/** Every variable that a template of this kind can count on. */
export function offeredVariables(kind: string, channel: TemplateVersion['channel']): readonly Variable[] {
  const collector = findCollector(kind);
  const variables = collector ? variablesOf(collector) : [];
  return channel === 'sms' ? variables.filter(({ name }) => name !== 'unsubscribe_url') : variables;
}

function findWarnings(check: TemplateCheck, message: Message | null, draft: Draft, context: string): Mark[] {
  const found = [
    ...check.warnings,
    ...findUnknownVariables(check, draft, context),
    // Of the values that this person has.
    ...(message?.leftOut ?? []).map((link) => toWarning('html', `left out: ${describeBadLink(link)}`)),
  ];
  const shown = found.slice(0, maxWarnings);
  if (found.length > shown.length)
    shown.push(toWarning(undefined, `and ${found.length - shown.length} more of this kind`));
  return shown.map((warning) => ({ level: 'warning', ...warning }));
}

function findUnknownVariables(check: TemplateCheck, draft: Draft, context: string): TemplateFault[] {
  const given: Record<string, unknown> = JSON.parse(context);
  const known = new Set([
    ...offeredVariables(draft.kind, draft.channel).map(({ name }) => name),
    ...Object.keys(given),
  ]);
  const unknown = check.variables.filter(({ name }) => !known.has(name));
  return unknown.map(({ part, name, line, column }) => ({
    part,
    line,
    column,
    detail: `“${name}” is none of the variables offered: it comes from the request's context, if the producer sends it`,
  }));
}

function toWarning(part: TemplateFault['part'], detail: string): TemplateFault {
  return { part, line: undefined, column: undefined, detail };
}

function withExamples(examples: Record<string, unknown>, context: string): string {
  if (Object.keys(examples).length === 0) return context;
  return JSON.stringify({ ...examples, ...JSON.parse(context) });
}
