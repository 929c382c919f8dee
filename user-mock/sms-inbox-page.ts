// The SMS inbox: what people would have read on their phones, newest first. Refreshes itself every two seconds.
import { html } from 'hono/html';
import { type Html, renderShell } from './page-shell.ts';
import type { SmsMessage } from './sms-store.ts';

export interface Inbox {
  messages: readonly SmsMessage[];
  /** only messages to this number are shown */
  to: string | undefined;
  total: number;
  kept: number;
  repeats: number;
}

export function renderInbox(inbox: Inbox): Html {
  return renderShell({
    title: `SMS inbox (${inbox.total})`,
    path: '/sms',
    head: html`<script src="/assets/refresh.js" defer></script>
<noscript><meta http-equiv="refresh" content="5"></noscript>`,
    body: html`<h1>SMS inbox</h1>
<form class="search" role="search">
<label for="to">Only to</label>
<input id="to" name="to" type="tel" placeholder="+999550000042" value="${inbox.to ?? ''}" autocomplete="off">
<button>Show</button>
${inbox.to === undefined ? '' : html`<a href="/sms">show all</a>`}
</form>
<div data-refresh-ms="2000" aria-live="polite">
<p class="quiet">${describeCounts(inbox)}</p>
${inbox.messages.length === 0 ? renderEmpty(inbox) : html`<ol class="messages">${inbox.messages.map(renderMessage)}</ol>`}
</div>`,
  });
}

function renderMessage(message: SmsMessage): Html {
  const parts = `${message.parts} ${message.parts === 1 ? 'part' : 'parts'}`;
  return html`<li id="${message.id}">
<p class="meta"><a href="/sms?to=${encodeURIComponent(message.to)}">${message.to}</a>
<time datetime="${message.received_at}">${message.received_at.slice(0, 19).replace('T', ' ')} UTC</time></p>
<p class="bubble" dir="auto">${message.text}</p>
<p class="meta quiet"><span>${parts} · ${message.encoding}</span><code title="idempotency key">${message.idempotency_key}</code></p>
</li>`;
}

function renderEmpty(inbox: Inbox): Html {
  if (inbox.to !== undefined) {
    return html`<p class="empty">No message to <strong>${inbox.to}</strong> is kept here.</p>`;
  }
  return html`<div class="empty"><p><strong>No messages yet.</strong></p>
<p>What is posted to <code>/sms</code> appears here by itself. Nothing is ever sent to a phone.</p></div>`;
}

function describeCounts({ messages, total, kept, repeats }: Inbox): string {
  const count = (value: number) => value.toLocaleString('en-GB');
  const sentences = [`${count(total)} delivered`];
  if (kept < total) sentences.push(`the last ${count(kept)} kept`);
  if (messages.length < kept) sentences.push(`${count(messages.length)} shown`);
  if (repeats > 0)
    sentences.push(`${count(repeats)} repeated ${repeats === 1 ? 'call' : 'calls'} delivered nothing new`);
  return `${sentences.join(', ')}.`;
}
