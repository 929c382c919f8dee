// The mail that both contestants send: one personal letter of about 1.8 kB as it stands on the wire, HTML and text. Posthorn
// gets it as a template, nodemailer as pieces to join.
import type { Db } from '../lib/db/database.ts';

/** Sent to everybody. */
export const letterTemplate = 'bench-letter';
/** The urgent one whose way is timed; its subject marks it in the sink. */
export const codeTemplate = 'bench-code';
export const codeMark = 'Subject: Your sign-in code';

const subject = 'Five evenings for you, {{ first_name }}';

const html = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Five evenings</title></head>
<body style="margin:0;background:#f3efe8;font-family:Helvetica,Arial,sans-serif">
<h1 style="font-size:28px">Good evening, {{ first_name }} {{ last_name }}</h1>
<p style="font-size:16px">The new season is here, and we kept the first row for you.
Five films, one for every evening of the week, chosen by people who watch too many.</p>
<ol>
<li>The Lighthouse Keepers</li>
<li>Low Water</li>
<li>A Train to the Sea</li>
<li>Nobody Waltzes Alone</li>
<li>The Last Projectionist</li>
</ol>
<p><a href="https://lumen.example/evenings">Choose the first one, {{ first_name }}</a></p>
</body>
</html>
`;

const text = `Good evening, {{ first_name }} {{ last_name }}

The new season is here, and we kept the first row for you. Five films,
one for every evening of the week, chosen by people who watch too many.

1. The Lighthouse Keepers
2. Low Water
3. A Train to the Sea
4. Nobody Waltzes Alone
5. The Last Projectionist

Choose the first one: https://lumen.example/evenings
`;

/** Adds both templates; `on_no_answer` is `resend`, the default of what is not promotional. */
export async function loadBenchTemplates(db: Db): Promise<void> {
  await insertTemplate(db, letterTemplate, subject, html, text);
  const code = 'Hello {{ first_name }}, your code is 417 302. It is good for ten minutes.\n';
  await insertTemplate(db, codeTemplate, 'Your sign-in code', null, code);
}

async function insertTemplate(db: Db, id: string, subject: string, html: string | null, text: string): Promise<void> {
  await db
    .insertInto('templates')
    .values({ template_id: id, title: id, kind: 'common', channel: 'email', active_version: 1 })
    .execute();
  await db
    .insertInto('template_versions')
    .values({ template_id: id, version: 1, subject, html, text, created_by: 'bench' })
    .execute();
}

interface Named {
  first_name: string;
  last_name: string;
}

/** Fills the same letter in by joining strings, the cheapest way there is. */
export function createLetterWriter(): (person: Named) => { subject: string; html: string; text: string } {
  const [writeSubject, writeHtml, writeText] = [createFiller(subject), createFiller(html), createFiller(text)];
  return (person) => {
    const escaped = { first_name: escapeHtml(person.first_name), last_name: escapeHtml(person.last_name) };
    return { subject: writeSubject(person), html: writeHtml(escaped), text: writeText(person) };
  };
}

function createFiller(template: string): (person: Named) => string {
  const pieces = template.split(/\{\{ (first_name|last_name) \}\}/);
  return (person) => pieces.map((piece, at) => (at % 2 === 0 ? piece : person[piece as keyof Named])).join('');
}

function escapeHtml(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
