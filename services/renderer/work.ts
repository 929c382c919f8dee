// What goes to a worker thread and what comes back. Flat objects of strings: they are cloned on the way.
import type { Message } from '../../content/render.ts';
import type { TemplateVersion } from '../../content/template.ts';
import type { PersonData } from '../../content/variables.ts';

/** One message to render. */
export interface Job {
  template: TemplateVersion;
  /** Which request asked for it: a request whose context is harmful is told from its template. */
  requestId: string;
  person: PersonData;
  /** Null for what is not promotional, and for SMS. */
  unsubscribeUrl: string | null;
}

export type Rendering =
  | { kind: 'message'; message: Message }
  | RenderFailure
  /** Not tried: the messages before it in the slice were as many as this process should hold at once. */
  | { kind: 'postponed' };

export interface RenderFailure {
  kind: 'failed';
  reason: 'template_error' | 'render_limit';
  detail: string;
  /** It took much work to find out: the next such message of its request may not be worth trying. */
  costly?: true;
  /** Of an error that nobody meant to throw: for the log, never for a record. */
  stack?: string;
}

export interface Task {
  /** Only those that the thread has said it lacks: a template's text travels once to each thread. */
  templates: TemplateVersion[];
  items: { templateKey: string; person: PersonData; unsubscribeUrl: string | null }[];
}

export type TaskAnswer =
  | { kind: 'missing'; templateKeys: string[] }
  /** May hold fewer than the items: the thread stops early so that its caller can look at what went wrong. */
  | { kind: 'rendered'; renderings: Rendering[] };

export function toTemplateKey(template: Pick<TemplateVersion, 'templateId' | 'version'>): string {
  return `${template.templateId}@${template.version}`;
}
