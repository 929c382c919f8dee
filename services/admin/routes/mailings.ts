// /mailings and all below it: what its parts share is made here.
import { createTemplateNeeds } from '../mailing/template-needs.ts';
import type { AdminApp, Parts } from '../parts.ts';
import { mailingsActions } from './mailings-actions.ts';
import { mailingsAudience } from './mailings-audience.ts';
import { mailingsConfirm } from './mailings-confirm.ts';
import { mailingsForm } from './mailings-form.ts';
import { mailingsList } from './mailings-list.ts';
import { mailingsLive } from './mailings-live.ts';
import { mailingsPeople } from './mailings-people.ts';

export function mailings(app: AdminApp, parts: Parts): void {
  const findNeeds = createTemplateNeeds(parts.previewer);
  mailingsList(app, parts);
  mailingsForm(app, parts, findNeeds);
  mailingsAudience(app, parts);
  mailingsConfirm(app, parts, findNeeds);
  mailingsLive(app, parts);
  mailingsPeople(app, parts);
  mailingsActions(app, parts);
}
