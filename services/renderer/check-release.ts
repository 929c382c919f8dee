// Tells a bad message from a bad release: before the messages of a task are failed, one that any release can render is
// rendered. Where not even that works the code is at fault, and nobody may be failed for it.
import { renderMessage } from '../../content/render.ts';
import type { TemplateVersion } from '../../content/template.ts';
import { toVariables } from '../../content/variables.ts';

/** Something of everything that mails are made with: filters, loops, links, text made from HTML, the footer. */
const html = `<html><body><h1>Hello {{ first_name | capitalize }}</h1>
<p>{{ intro | raw }} {{ since | date: '%Y-%m-%d' }}</p>
{% for film in films %}<p><a href="https://example.com/{{ film | url_encode }}">{{ forloop.index }} {{ film }}</a></p>{% endfor %}
</body></html>`;

const template: TemplateVersion = {
  templateId: 'check-release',
  version: 1,
  channel: 'email',
  subject: 'For {{ first_name }}',
  html,
  text: null,
  fromName: null,
  replyTo: null,
};
const person = {
  collected: '{"films":["Metropolis","M"]}',
  context: '{"intro":"<em>News</em>","since":"2026-01-01"}',
  firstName: 'ada',
  lastName: 'Lovelace',
};

/** @throws whatever the rendering throws; Error when it is not the message that it should be */
export function checkRelease(): void {
  const message = renderMessage(template, toVariables(person), 'https://example.com/u/test');
  const missing = ['Hello Ada', 'News 2026-01-01', '2 M', 'https://example.com/u/test'].find(
    (words) => !message.text.includes(words) || !message.html?.replace(/<\/?em>/g, '').includes(words),
  );
  if (message.subject !== 'For ada' || missing !== undefined) {
    throw new Error(
      `this release renders a known message wrongly${missing === undefined ? '' : `: '${missing}' is missing`}`,
    );
  }
}
