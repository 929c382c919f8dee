// Who may do what. Pages ask for an ability, never for a role.

import { PageError } from './page-error.ts';
import type { AdminContext } from './parts.ts';

export const roles = ['viewer', 'support', 'editor', 'sender', 'operator', 'admin'] as const;
export type Role = (typeof roles)[number];

const granted = {
  /** Overview, mailings, numbers. */
  view: ['viewer', 'support', 'editor', 'sender', 'operator', 'admin'],
  /** People, journeys, exact messages. */
  people: ['support', 'sender', 'operator', 'admin'],
  /** Write templates, preview, test-send; draft mailings. */
  edit: ['editor', 'sender', 'admin'],
  /** Confirm, pause, resume and cancel mailings. */
  send: ['sender', 'admin'],
  /** Keep back a template, a channel, a lane, all promotional messages or a request, and lift that. */
  hold: ['sender', 'operator', 'admin'],
  /** Topics, records, dead letters. */
  operate: ['operator', 'admin'],
  /** Suppressions, resending what is unknown. */
  support: ['support', 'operator', 'admin'],
  /** People with access, API keys. */
  access: ['admin'],
} as const satisfies Record<string, readonly Role[]>;

export type Ability = keyof typeof granted;
export const abilities = Object.keys(granted) as Ability[];

/** What each role is for, for those who give it. */
export const roleTitles: Readonly<Record<Role, string>> = {
  viewer: 'sees the overview, mailings and numbers',
  support: 'also people, what they got, suppressions',
  editor: 'writes templates, previews and drafts',
  sender: 'editor who also confirms, pauses and cancels mailings, and places holds',
  operator: 'topics, records, dead letters, suppressions, holds',
  admin: 'everything, and who has access',
};

export function abilitiesOf(own: readonly string[]): ReadonlySet<Ability> {
  return new Set(
    abilities.filter((ability) => (granted[ability] as readonly string[]).some((role) => own.includes(role))),
  );
}

/** @throws PageError 403 that says which roles may */
export function requireAbility(c: AdminContext, ability: Ability): void {
  if (c.var.session.abilities.has(ability)) return;
  throw new PageError(403, `Your role does not allow this. It takes one of: ${granted[ability].join(', ')}.`);
}
