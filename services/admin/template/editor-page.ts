// The page with the editor, for a template that is there and for one that is to be made.
import type { ContentfulStatusCode } from 'hono/utils/http-status';
import type { Channel } from '../../../domain/ids.ts';
import type { FormFaults, FormFields } from '../forms.ts';
import { page } from '../page.ts';
import type { AdminContext } from '../parts.ts';
import type { TemplateTexts } from '../queries/templates-write.ts';
import { contentSecurityPolicy } from '../security.ts';
import { channelTitles, type TemplateDesk } from './desk.ts';
import { offeredVariables, type TryOut } from './try-out.ts';

/** A preview's frame has the page's policy and a sandbox besides: of a mail, pictures may come from elsewhere. */
const previewPolicy = contentSecurityPolicy.replace("img-src 'self' data:", "img-src 'self' data: https:");

export interface EditorPage {
  title: string;
  channel: Channel;
  kind: string;
  /** Where the preview is asked for. */
  previewPath: string;
  form: FormFields;
  faults?: FormFaults;
  tried?: TryOut | undefined;
  status?: ContentfulStatusCode;
}

export function showEditor(
  c: AdminContext,
  { parts }: TemplateDesk,
  view: 'templates/edit' | 'templates/new',
  editor: EditorPage,
  data: Record<string, unknown> = {},
): Promise<Response> {
  const { tried, faults = {}, status = 200, ...rest } = editor;
  c.header('content-security-policy', previewPolicy);
  return page(
    c,
    parts,
    view,
    {
      ...data,
      ...rest,
      faults,
      tried,
      marks: tried?.marks ?? [],
      channelTitle: channelTitles[editor.channel],
      offered: offeredVariables(editor.kind, editor.channel),
    },
    status,
  );
}

export function toFormFields(texts: TemplateTexts): Record<string, string> {
  return {
    subject: texts.subject,
    from_name: texts.fromName ?? '',
    reply_to: texts.replyTo ?? '',
    html: texts.html ?? '',
    text: texts.text ?? '',
  };
}

/** @returns why it cannot be saved: its parts cannot be read, or no message can be made of it */
export function findSaveFault({ marks, isReadable, person }: TryOut): string | undefined {
  const first = marks.find(({ level }) => level === 'fault');
  if (!first) return undefined;
  const names = { html: 'HTML', text: 'Text', subject: 'Subject' };
  const place = first.line === undefined ? '' : `, line ${first.line}, column ${first.column}`;
  const what = `${first.part ? `${names[first.part]}${place}: ` : ''}${first.detail}.`;
  if (!isReadable) return `It was not saved. ${what}`;
  const whose = person.from === 'examples' ? 'example values' : `the data of ${person.name}`;
  return `It was not saved: with ${whose} no message can be made of it. ${what}`;
}
