// How pages write times, numbers and states: one way each.
import type { Liquid } from 'liquidjs';

export function registerViewFilters(engine: Liquid): void {
  engine.registerFilter('number', (value: unknown) => (value == null ? '' : Number(value).toLocaleString('en-US')));
  engine.registerFilter('json', (value: unknown) => JSON.stringify(value, null, 2));
  engine.registerFilter('duration', (ms: unknown) => (ms == null ? '' : toDuration(Number(ms))));
  engine.registerFilter('words', (value: unknown) => String(value ?? '').replaceAll('_', ' '));
  engine.registerFilter('plural', (count: unknown, one: string, many: string) => (Number(count) === 1 ? one : many));
  engine.registerFilter('short_id', (id: unknown) => String(id ?? '').slice(0, 8));
  // Written as UTC by the server; the page's script shows them in the reader's own time zone.
  engine.registerFilter('time', { handler: (value: unknown) => toTimeTag(value), raw: true });
  engine.registerFilter('state', { handler: (value: unknown) => toPill(String(value ?? '')), raw: true });
}

/** Milliseconds as people say them: `12 ms`, `1.4 s`, `3 min 20 s`, `2 h 5 min`, `3 d 4 h`. */
export function toDuration(ms: number): string {
  if (!Number.isFinite(ms)) return '';
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 60) return join(minutes, 'min', Math.floor((ms % 60_000) / 1_000), 's');
  const hours = Math.floor(minutes / 60);
  return hours < 24 ? join(hours, 'h', minutes % 60, 'min') : join(Math.floor(hours / 24), 'd', hours % 24, 'h');
}

function join(whole: number, unit: string, rest: number, smaller: string): string {
  return rest === 0 ? `${whole} ${unit}` : `${whole} ${unit} ${rest} ${smaller}`;
}

function toTimeTag(value: unknown): string {
  if (value == null || value === '') return '<span class="muted">–</span>';
  const date = value instanceof Date ? value : new Date(typeof value === 'number' ? value : String(value));
  if (Number.isNaN(date.getTime())) return '<span class="muted">–</span>';
  const iso = date.toISOString();
  return `<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 19)} UTC</time>`;
}

function toPill(state: string): string {
  const name = state.replace(/[^a-z_-]/g, '');
  return `<span class="pill pill-${name}">${name.replaceAll('_', ' ')}</span>`;
}
