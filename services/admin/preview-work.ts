// What goes to the preview's worker thread and comes back. Plain objects: they are cloned on the way.
import type { TemplateCheck } from '../../content/check-template.ts';
import type { Message } from '../../content/render.ts';
import type { TemplateVersion } from '../../content/template.ts';
import type { TemplateFault } from '../../content/template-fault.ts';
import type { User } from '../../lib/user-service.ts';
import type { TemplateTexts } from './queries/templates-write.ts';
import type { PartDifference } from './template/compare.ts';

export interface PreviewJob {
  template: TemplateVersion;
  /** Whose collector gathers the person's data. */
  kind: string;
  user: User;
  /** The text of one JSON object. */
  context: string;
  /** Of promotional e-mail; null for every other. */
  unsubscribeUrl: string | null;
}

export type Preview = { kind: 'message'; message: Message } | ({ kind: 'fault' } & TemplateFault);

export type PreviewTask =
  /** Does nothing: a thread that answers it has loaded its code. */
  | { task: 'start' }
  | { task: 'render'; job: PreviewJob }
  | { task: 'check'; template: TemplateVersion }
  | { task: 'compare'; from: TemplateTexts; to: TemplateTexts };

export type PreviewAnswer = Preview | TemplateCheck | PartDifference[] | undefined;
