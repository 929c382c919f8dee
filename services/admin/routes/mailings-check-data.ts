// What is looked at before a mailing is confirmed: how many people, what stops it, what to think of, and how it looks for
// five of them.
import { toExamplePerson } from '../../../content/example-person.ts';
import { findCollector } from '../../../content/kinds.ts';
import { toTestUnsubscribeUrl } from '../../../content/unsubscribe.ts';
import { readTimeZone } from '../../../domain/time-zone.ts';
import { DependencyError } from '../../../lib/errors.ts';
import { maskAddress } from '../../../lib/masked-address.ts';
import { findNoCategories } from '../../../lib/user-answers.ts';
import type { UnusableUser, User } from '../../../lib/user-service.ts';
import { findMissing } from '../mailing/context-form.ts';
import { type AudienceCount, countAudience, maxAskedPeople, spread } from '../mailing/count-audience.ts';
import type { FindNeeds } from '../mailing/template-needs.ts';
import type { Parts } from '../parts.ts';
import type { Preview } from '../preview.ts';
import type { Mailing } from '../queries/mailings-one.ts';
import { listPeople } from '../queries/mailings-people.ts';
import { type ChosenTemplate, findTemplate } from '../queries/mailings-templates.ts';

export interface Sample {
  userId: string;
  name?: string;
  address?: string;
  /** Why this person gets nothing. */
  skipped?: string;
  fault?: string;
  message?: Extract<Preview, { kind: 'message' }>['message'];
}

export interface Check {
  template: ChosenTemplate | undefined;
  audience: AudienceCount | undefined;
  /** The first of the people named whom the user service does not know. */
  unknownIds: readonly string[];
  /** Each keeps it from being confirmed. */
  stops: string[];
}

const batchSize = 1_000;
const sampleCount = 5;
const sampledPage = 500;
const shownUnknown = 20;

type CheckParts = Pick<Parts, 'db' | 'users' | 'previewer' | 'now' | 'logger' | 'config'>;

/** Everything that is decided again when it is confirmed. */
export async function checkMailing(parts: CheckParts, findNeeds: FindNeeds, mailing: Mailing): Promise<Check> {
  const stops: string[] = [];
  const template = mailing.template_id ? await findTemplate(parts.db, mailing.template_id, null) : undefined;
  if (!template) stops.push('It has no template yet.');
  else if (template.isArchived) stops.push(`The template "${template.title}" was archived. Choose another.`);
  else stops.push(...(await checkTemplate(findNeeds, template, mailing)));
  if (mailing.scheduled_at && mailing.scheduled_at.getTime() < parts.now()) {
    stops.push('Its time is over. Choose another, or send it at once.');
  }
  if (mailing.expires_at && mailing.expires_at.getTime() < parts.now()) {
    stops.push('The time until which people may get it is over.');
  }
  const zone = readTimeZone(mailing.time_zone);
  if (mailing.recurrence !== null && 'fault' in zone) stops.push(zone.fault);
  const { audience, unknownIds = [] } = (await countIt(parts, mailing, stops)) ?? {};
  return { template, audience, unknownIds, stops };
}

async function checkTemplate(findNeeds: FindNeeds, template: ChosenTemplate, mailing: Mailing): Promise<string[]> {
  const { names, faults } = await findNeeds(template);
  const missing = findMissing(names, mailing.context);
  return [
    ...faults.map((fault) => `The template cannot be sent as it is: ${fault}`),
    ...(missing.length === 0 ? [] : [`The template needs a value for ${missing.join(', ')}.`]),
  ];
}

async function countIt(
  parts: CheckParts,
  mailing: Mailing,
  stops: string[],
): Promise<{ audience: AudienceCount; unknownIds: string[] } | undefined> {
  const { user_categories: chosen, people_count: named } = mailing;
  try {
    const categories = await parts.users.fetchCategories();
    const gone = findNoCategories(categories, chosen);
    const uncounted = categories.readable.filter(({ name, count }) => count === null && chosen.includes(name));
    if (gone === 'unclear' || uncounted.length > 0) {
      stops.push(
        'The user service answers, but not all of its categories and their counts can be read, so nobody can say how many people these are.',
      );
      return undefined;
    }
    if (gone.length > 0) stops.push(`There is no category ${gone.join(', ')} any more. Take it out.`);
    const ids = named <= maxAskedPeople ? await listPeople(parts.db, mailing.mailing_id, named) : undefined;
    const asked = ids && (await askAll(parts, ids));
    const audience = countAudience(categories.readable, chosen, named, asked);
    if (audience.count === 0) stops.push('It goes to nobody: choose categories, or name people.');
    const unknownIds = ids?.filter((id) => !asked?.has(id)).slice(0, shownUnknown) ?? [];
    return { audience, unknownIds };
  } catch (error) {
    if (!(error instanceof DependencyError) || error.dependency !== 'user-service') throw error;
    parts.logger.warn({ err: error }, 'an audience cannot be counted');
    stops.push('The user service does not answer, so nobody can say how many people these are. Try again in a moment.');
    return undefined;
  }
}

async function askAll(parts: CheckParts, ids: readonly string[]): Promise<Map<string, User | UnusableUser>> {
  const asked = new Map<string, User | UnusableUser>();
  for (let from = 0; from < ids.length; from += batchSize) {
    for (const [id, user] of await parts.users.fetchUsers(ids.slice(from, from + batchSize))) asked.set(id, user);
  }
  return asked;
}

/** How it looks for five real people of its audience. */
export async function renderSamples(parts: CheckParts, mailing: Mailing, template: ChosenTemplate): Promise<Sample[]> {
  const { user_categories: categories } = mailing;
  const [named, members] = await Promise.all([
    listPeople(parts.db, mailing.mailing_id, sampledPage),
    categories.length === 0 ? [] : parts.users.listUserIds(categories, undefined, sampledPage).then(({ ids }) => ids),
  ]);
  const fromNamed = spread(named, members.length === 0 ? sampleCount : 2);
  const fromMembers = spread(
    members.filter((id) => !named.includes(id)),
    sampleCount - fromNamed.length,
  );
  const ids = [...fromNamed, ...fromMembers];
  const users = await parts.users.fetchUsers(ids);
  return Promise.all(ids.map((id) => renderSample(parts, mailing, template, id, users.get(id))));
}

/** For whoever may not see people's data: one sample, with the examples of the template's kind. */
export async function renderExample(parts: CheckParts, mailing: Mailing, template: ChosenTemplate): Promise<Sample> {
  const { user, collected } = toExamplePerson(findCollector(template.kind));
  const isPromo = mailing.is_promo || template.isPromo;
  const preview = await parts.previewer.preview({
    template: template.version,
    kind: template.kind,
    user,
    context: JSON.stringify({ ...collected, ...JSON.parse(mailing.context) }),
    unsubscribeUrl: isPromo && template.channel === 'email' ? toTestUnsubscribeUrl(parts.config.publicUrl) : null,
  });
  return { userId: '', name: 'With example values', ...toSeen(preview) };
}

function toSeen(preview: Preview): Pick<Sample, 'message' | 'fault'> {
  if (preview.kind === 'message') return { message: preview.message };
  return { fault: `${preview.part ?? ''}${preview.line ? ` line ${preview.line}` : ''}: ${preview.detail}` };
}

async function renderSample(
  parts: CheckParts,
  mailing: Mailing,
  template: ChosenTemplate,
  userId: string,
  user: User | UnusableUser | undefined,
): Promise<Sample> {
  if (!user) return { userId, skipped: 'the user service knows nobody with this id' };
  if ('fault' in user) return { userId, fault: `the user service's answer is not usable: ${user.fault}` };
  const name = `${user.first_name} ${user.last_name}`;
  const isPromo = mailing.is_promo || template.isPromo;
  const address = template.channel === 'sms' ? user.phone : user.email;
  const who = { userId, name, ...(address === null ? {} : { address: maskAddress(address) }) };
  if (isPromo && !user.promo_agree) return { ...who, skipped: 'this person refuses promotional messages' };
  if (address === null) {
    return { ...who, skipped: `this person has no ${template.channel === 'sms' ? 'phone number' : 'e-mail address'}` };
  }
  const preview = await parts.previewer.preview({
    template: template.version,
    kind: template.kind,
    user,
    context: mailing.context,
    // Shows where the link stands; nobody is unsubscribed by a sample.
    unsubscribeUrl: isPromo && template.channel === 'email' ? toTestUnsubscribeUrl(parts.config.publicUrl) : null,
  });
  return { ...who, ...toSeen(preview) };
}
