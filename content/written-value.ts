// How values are written into a message.

/** A value as the HTML part writes it: what readers will see, and the HTML for it. */
export class Escaped {
  readonly text: string;
  readonly html: string;

  constructor(text: string) {
    this.text = text;
    this.html = escapeHtml(text);
  }
}

/** Nothing for null and for what is no number (x / 0), the items of an array one after the other. */
export function writeValue(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return '';
  if (typeof value === 'number') return Number.isFinite(value) ? String(value) : '';
  if (value instanceof Escaped) return value.html;
  if (Array.isArray(value)) return value.map(writeValue).join('');
  return String(value);
}

const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&#34;',
  "'": '&#39;',
};
const references = new Map(Object.entries(escapes).map(([character, reference]) => [reference, character]));

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => escapes[character] ?? character);
}

/** Of what `escapeHtml` has written, and `&quot;`. */
export function unescapeHtml(html: string): string {
  return html.replace(/&(?:amp|lt|gt|quot|#34|#39);/g, (reference) => references.get(reference) ?? '"');
}
