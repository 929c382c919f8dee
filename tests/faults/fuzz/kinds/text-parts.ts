// Templates of HTML without a text of their own, and the values of several people: the text of each is that of the finished
// HTML, whichever of them it was made for first.
import { renderMessage } from '../../../../content/render.ts';
import type { TemplateVersion } from '../../../../content/template.ts';
import { toText } from '../../../../content/text.ts';
import { PermanentError } from '../../../../lib/errors.ts';
import { type HtmlCase, htmlCases } from '../generators/html-templates.ts';
import { type FuzzKind, opened } from '../kind.ts';

export const textParts: FuzzKind = {
  name: 'text',
  title: 'HTML templates with values, text against HTML',
  casesOfMillion: 20_000,
  needs: 'nothing',
  open: async () => opened<HtmlCase>({ inputs: htmlCases, tryOne: findDifference }),
};

/** @returns undefined for the same texts, and for what cannot be rendered at all */
export function findDifference({ html, people }: HtmlCase): string | undefined {
  const template = toTemplate(html);
  for (const values of people) {
    const message = tryToRender(template, values);
    if (message === undefined) continue;
    const expected = toText(message.html ?? '');
    if (message.text === expected) continue;
    return `the text is ${JSON.stringify(message.text)}, that of the HTML ${JSON.stringify(expected)}`;
  }
  return undefined;
}

function toTemplate(html: string): TemplateVersion {
  return {
    templateId: 't',
    version: 1,
    channel: 'email',
    subject: '',
    html,
    text: null,
    fromName: null,
    replyTo: null,
  };
}

function tryToRender(template: TemplateVersion, values: Record<string, unknown>) {
  try {
    return renderMessage(template, values);
  } catch (error) {
    if (error instanceof PermanentError && error.code !== 'render_bug') return undefined;
    throw error;
  }
}
