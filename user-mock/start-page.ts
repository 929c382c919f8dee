// The first page: what this world is, what can be asked of it, and whether a knob makes it misbehave just now.
import { html } from 'hono/html';
import { CATEGORIES } from './categories.ts';
import type { Knobs } from './knobs.ts';
import { type Html, renderShell } from './page-shell.ts';
import { toUserId, USER_COUNT } from './user-ids.ts';
import { toUser } from './users.ts';

// An ampersand, an apostrophe, some scripts, one without phone, one without e-mail: what templates must cope with.
const SAMPLE_NUMBERS = [61, 47, 4, 11, 23, 54, 16, 0, 93] as const;

export function renderStartPage(page: { origin: string; knobs: Knobs; smsTotal: number }): Html {
  return renderShell({
    title: 'user-mock: user service and SMS gateway',
    path: '/',
    body: html`${renderTrouble(page.knobs)}
<h1>The world outside</h1>
<p>A stand-in for the two services that the pipeline asks but does not own: the <strong>user service</strong>, which knows
${format(USER_COUNT)} people, and the <strong>SMS gateway</strong>. Nobody here is real: addresses are on
<code>example.*</code>, numbers begin with the unassigned <code>+999</code>, and no message leaves this process.</p>
<p><a class="button" href="/sms">Open the SMS inbox (${format(page.smsTotal)})</a></p>

<h2>Ask it</h2>
<dl class="routes">
${renderRoute('GET', `/users/${toUserId(42)}`, 'one person')}
${renderRoute('GET', '/users?category=active,new&limit=20', 'people of categories, in pages; fields=id for ids only, after=<id> for the next page')}
${renderRoute('POST', '/users/batch', 'up to 1,000 people: {"ids": […]}')}
${renderRoute('POST', '/users/lookup', 'people by address: {"emails": […]} or {"phones": […]}')}
${renderRoute('GET', '/categories', 'the categories and their sizes')}
${renderRoute('POST', '/sms', 'deliver a message: {"to", "text", "idempotency_key"}')}
${renderRoute('GET', '/sms/messages', 'the inbox as JSON; to=, limit=; DELETE empties it')}
${renderRoute('GET', '/knobs', 'what goes wrong, and how often; PUT changes it')}
${renderRoute('GET', '/healthz', 'is it up')}
</dl>

<h2>Categories</h2>
<table><thead><tr><th>Name</th><th class="number">People</th></tr></thead>
<tbody>${CATEGORIES.map(({ name, count }) => html`<tr><td><a href="/users?category=${name}&limit=20">${name}</a></td><td class="number">${format(count)}</td></tr>`)}</tbody></table>

<h2>Some of the people</h2>
<div class="wide"><table><thead><tr><th>Name</th><th>E-mail</th><th>Phone</th><th>Locale</th><th>Category</th><th>Promotional</th></tr></thead>
<tbody>${SAMPLE_NUMBERS.map(renderPerson)}</tbody></table></div>

<h2>Make it misbehave</h2>
<p>Each rate is the share of requests that suffer. A request that meets an error or a 429 had no effect; one answered with
garbage, or never, had.</p>
<pre>curl -X PUT ${page.origin}/knobs -d '{"delay_ms": 200, "error_rate": 0.1, "routes": "users"}'
curl -X PUT ${page.origin}/knobs -d '{"garbage_rate": 0.05, "hang_rate": 0.01, "busy_rate": 0.1}'
curl -X PUT ${page.origin}/knobs -d '{}'   # all is well again</pre>`,
  });
}

function renderTrouble(knobs: Knobs): Html | string {
  const turned = Object.entries(knobs).filter(([name, value]) => name !== 'routes' && value !== 0);
  if (turned.length === 0) return '';
  const scope = knobs.routes === 'all' ? 'everything' : knobs.routes;
  return html`<p class="trouble" role="status"><strong>Misbehaving on purpose</strong> (${scope}):
${turned.map(([name, value]) => `${name} ${value}`).join(', ')}</p>`;
}

function renderRoute(method: string, path: string, meaning: string): Html {
  const call = html`<code><b>${method}</b> ${path}</code>`;
  return html`<dt>${method === 'GET' ? html`<a href="${path}">${call}</a>` : call}</dt><dd>${meaning}</dd>`;
}

function renderPerson(number: number): Html {
  const user = toUser(number);
  return html`<tr><td dir="auto"><a href="/users/${user.id}">${user.first_name} ${user.last_name}</a></td>
<td>${user.email ?? 'none'}</td><td>${user.phone ?? 'none'}</td><td>${user.locale}</td><td>${user.category}</td>
<td>${user.promo_agree ? 'agreed' : 'refused'}</td></tr>`;
}

function format(count: number): string {
  return count.toLocaleString('en-GB');
}
