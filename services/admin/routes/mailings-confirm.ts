// /mailings/<id>/check and /mailings/<id>/confirm: the last look before it goes.
import { measureSms } from '../../../content/sms-parts.ts';
import { DependencyError } from '../../../lib/errors.ts';
import { writeAudit } from '../audit.ts';
import { readForm, readNumber } from '../forms.ts';
import { describeCron } from '../mailing/recurrence.ts';
import { toMomentWords } from '../mailing/schedule.ts';
import type { FindNeeds } from '../mailing/template-needs.ts';
import { done, page } from '../page.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { confirmMailing } from '../queries/mailings-confirm.ts';
import { findMailing, type Mailing } from '../queries/mailings-one.ts';
import { requireAbility } from '../roles.ts';
import { type Check, checkMailing, renderExample, renderSamples, type Sample } from './mailings-check-data.ts';
import { nextInWords } from './mailings-form-data.ts';
import { readMailingId, requireDraft } from './mailings-of.ts';

/** More people than that in the high lane make whoever waits for a reset wait behind them. */
const manyInHighLane = 1_000;

export function mailingsConfirm(app: AdminApp, parts: Parts, findNeeds: FindNeeds): void {
  app.get('/mailings/:id/check', async (c) => {
    requireAbility(c, 'edit');
    const mailing = await requireDraft(c, parts);
    return showCheck(c, parts, mailing, await checkMailing(parts, findNeeds, mailing));
  });
  app.post('/mailings/:id/confirm', (c) => confirm(c, parts, findNeeds));
}

async function showCheck(c: AdminContext, parts: Parts, mailing: Mailing, check: Check, refusal?: string) {
  const { template, audience } = check;
  const stops = [...check.stops];
  let samples: Sample[] = [];
  if (template && !template.isArchived && audience && audience.count > 0) {
    const mayUsePeople = c.var.session.abilities.has('people');
    const rendering = mayUsePeople
      ? renderSamples(parts, mailing, template)
      : renderExample(parts, mailing, template).then((sample) => [sample]);
    samples = await rendering.catch((error: unknown) => {
      if (!(error instanceof DependencyError)) throw error;
      stops.push('The user service does not answer, so no sample can be shown. Try again in a moment.');
      return [];
    });
    if (mayUsePeople && samples.length > 0) {
      const people = samples.map(({ userId }) => userId);
      await writeAudit(parts.db, c, 'person.previewed', `mailing ${mailing.mailing_id}`, { people });
    }
    const tried = samples.filter((sample) => sample.skipped === undefined);
    if (tried.length > 0 && tried.every((sample) => sample.fault !== undefined)) {
      stops.push('The template fails for everybody who was tried; the first fault is below.');
    }
  }
  const data = {
    title: `Check: ${mailing.title}`,
    mailing,
    template,
    audience,
    stops,
    refusal,
    notices: toNotices(mailing, check, samples),
    samples,
    when: describeWhen(mailing),
    next: mailing.recurrence ? nextInWords(mailing.recurrence, mailing.time_zone, parts.now()) : undefined,
    context: mailing.context === '{}' ? undefined : JSON.parse(mailing.context),
  };
  return page(c, parts, 'mailings/check', data, refusal ? 409 : 200);
}

function toNotices(mailing: Mailing, { template, audience, unknownIds }: Check, samples: readonly Sample[]): string[] {
  const notices: string[] = [];
  const isPromo = mailing.is_promo || template?.isPromo === true;
  if (mailing.priority === 'high' && (audience?.count ?? 0) > manyInHighLane) {
    notices.push(
      'It has high priority: password resets wait behind these people until it is through. Low is made for mailings.',
    );
  }
  if (isPromo)
    notices.push('It is promotional: people who refuse that, or have unsubscribed, are skipped and counted.');
  const unknown = audience?.unknown ?? 0;
  if (unknown > 0) {
    notices.push(
      `${unknown.toLocaleString('en-US')} of the people named are unknown to the user service; they end as skipped: ${unknownIds.join(', ')}${unknown > unknownIds.length ? ' and others' : ''}.`,
    );
  }
  const failed = samples.filter((sample) => sample.fault !== undefined).length;
  if (failed > 0)
    notices.push(`The template fails for ${failed} of the ${samples.length} people tried; such people end as failed.`);
  const parts = Math.max(
    0,
    ...samples.map(({ message }) => (message && template?.channel === 'sms' ? measureSms(message.text).parts : 0)),
  );
  if (parts > 1) notices.push(`The SMS is sent, and paid for, in ${parts} parts.`);
  if (template?.channel === 'email' && samples.some(({ message }) => message?.subject === '')) {
    notices.push('The e-mail has no subject.');
  }
  return notices;
}

function describeWhen(mailing: Mailing): string {
  if (mailing.recurrence) return `${describeCron(mailing.recurrence)} (${mailing.time_zone})`;
  if (mailing.scheduled_at) return toMomentWords(mailing.scheduled_at, mailing.time_zone);
  return 'As soon as it is confirmed';
}

async function confirm(c: AdminContext, parts: Parts, findNeeds: FindNeeds): Promise<Response> {
  requireAbility(c, 'send');
  const { db } = parts;
  const { fields } = await readForm(c);
  const id = readMailingId(c);
  const now = await findMailing(db, id);
  // Pressed twice, or by two people: the first one counts.
  if (now?.status === 'confirmed') {
    return done(c, `/mailings/${id}`, `It is confirmed already, by ${now.confirmed_by ?? 'somebody'}.`);
  }
  const mailing = await requireDraft(c, parts);
  const check = await checkMailing(parts, findNeeds, mailing);
  if (readNumber(fields.revision) !== mailing.revision) {
    const refusal = `${mailing.updated_by} has changed it since you looked, so it was not confirmed. This is how it is now.`;
    return showCheck(c, parts, mailing, check, refusal);
  }
  const { template, audience } = check;
  if (check.stops.length > 0 || !template || !audience) {
    return showCheck(c, parts, mailing, check, 'It was not confirmed; what stops it is below.');
  }
  const who = c.var.session.name;
  const version = readNumber(fields.version) ?? 0;
  const result = await confirmMailing(db, id, mailing.revision, version, audience.count, who);
  if (result.kind !== 'confirmed') {
    const again = await requireDraft(c, parts);
    return showCheck(c, parts, again, await checkMailing(parts, findNeeds, again), refusals[result.kind]);
  }
  await writeAudit(db, c, 'mailing.confirmed', `mailing ${id}`, {
    title: mailing.title,
    template: template.templateId,
    version: mailing.recurrence ? undefined : result.templateVersion,
    people: audience.count,
    exact: audience.isExact,
    at: mailing.recurrence ?? result.scheduledAt ?? 'now',
  });
  const people = `${audience.isExact ? '' : 'at most '}${audience.count.toLocaleString('en-US')} people`;
  return done(c, `/mailings/${id}`, `It is confirmed, and goes to ${people}.`);
}

const refusals = {
  changed: 'The template got another version since you looked, so it was not confirmed. This is how it is now.',
  archived: 'The template was archived just now, so it was not confirmed.',
  past: 'Its time was over just now, so it was not confirmed.',
  expired: 'The time until which people may get it was over just now, so it was not confirmed.',
} as const;
