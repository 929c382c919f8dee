// /templates/<id>/test: one message of any version to one's own address, by the way that all messages take.
import { isEmailAddress, isPhoneNumber } from '../../../content/address.ts';
import { findContextFault } from '../../../domain/context.ts';
import { isUuid, newRequestId } from '../../../domain/ids.ts';
import { DependencyError, describeError } from '../../../lib/errors.ts';
import type { NotificationRequested } from '../../../lib/events.ts';
import { maskAddress } from '../../../lib/masked-address.ts';
import { writeAudit } from '../audit.ts';
import { type FormFaults, type FormFields, readForm, readNumber } from '../forms.ts';
import { done, page } from '../page.ts';
import { PageError } from '../page-error.ts';
import type { AdminApp, AdminContext, Parts } from '../parts.ts';
import { listVersions, type TemplateRow } from '../queries/templates.ts';
import { findTestSend, noteTestSend, readTestProgress, type TestSend } from '../queries/templates-tests.ts';
import { readQuery } from '../query.ts';
import { requireAbility } from '../roles.ts';
import { channelTitles, loadTemplate, loadVersion, readVersionText, type TemplateDesk } from '../template/desk.ts';
import { findTestAddressFault } from '../template/test-addresses.ts';
import { describeProgress } from '../template/test-progress.ts';
import { createThrottle } from '../template/throttle.ts';

const testsPerMinute = 20;

export function testTemplates(app: AdminApp, desk: TemplateDesk): void {
  const { parts } = desk;
  const throttle = createThrottle(testsPerMinute);

  app.get('/templates/:id/test', async (c) => {
    requireAbility(c, 'edit');
    const template = await loadTemplate(c, parts);
    const { name } = c.var.session;
    const address = template.channel === 'email' && isEmailAddress(name) ? name : '';
    return show(c, desk, template, { version: readQuery(c, 'version', readVersionText) ?? '', address });
  });

  app.post('/templates/:id/test', async (c) => {
    requireAbility(c, 'edit');
    const template = await loadTemplate(c, parts);
    const { fields } = await readForm(c);
    const { test, faults } = await readTest(c, desk, template, fields);
    if (!test) return show(c, desk, template, fields, faults);
    if (template.archivedAt) {
      return show(c, desk, template, fields, { form: 'It is archived: bring it back under Settings to send a test.' });
    }
    const seconds = throttle.wait(c.var.session.adminUserId, parts.now());
    if (seconds > 0) {
      const form = `That were ${testsPerMinute} tests within a minute. Wait ${seconds} seconds, then send this one.`;
      return show(c, desk, template, fields, { form }, 429);
    }
    return send(c, desk, template, fields, test);
  });

  app.get('/templates/:id/test/:request', async (c) => {
    requireAbility(c, 'edit');
    return showProgress(c, parts, await loadTemplate(c, parts));
  });
}

interface WantedTest {
  version: number;
  address: string;
  userId: string;
  context: string;
}

async function readTest(
  c: AdminContext,
  { parts, people }: TemplateDesk,
  { templateId, channel, kind }: TemplateRow,
  fields: FormFields,
): Promise<{ test?: WantedTest; faults: FormFaults }> {
  const faults: FormFaults = {};
  const entered = (fields.address ?? '').trim();
  const address = channel === 'sms' ? entered.replace(/[\s().-]/g, '') : entered;
  if (channel === 'email' && !isEmailAddress(address)) {
    faults.address = 'This is not an e-mail address: write one, such as you@example.com, without a name.';
  }
  if (channel === 'sms' && !isPhoneNumber(address)) {
    faults.address = 'This is not a phone number: write it with its country, such as +49 151 23456789.';
  }
  const { name, abilities } = c.var.session;
  if (faults.address === undefined && !abilities.has('access')) {
    const fault = findTestAddressFault(parts.config.testAddresses, channel, address, name);
    if (fault !== undefined) faults.address = fault;
  }
  const context = (fields.context ?? '').trim() || '{}';
  const contextFault = findContextFault(context);
  if (contextFault !== undefined) faults.context = `It ${contextFault}.`;
  const { version } = await loadVersion(parts, templateId, fields.version || '0');
  const person = await people.find(kind, (fields.user_id ?? '').trim(), abilities.has('people'));
  if (person.fault !== undefined) faults.user_id = person.fault;
  else if (person.from === 'examples' && abilities.has('people')) {
    faults.user_id =
      'A test needs a real person’s data, and the user service gives none at the moment. Try again shortly.';
  }
  if (Object.keys(faults).length > 0) return { faults };
  return { test: { version, address, userId: person.user.id, context }, faults };
}

/** Noted first, then published: the planner believes only what is noted. */
async function send(
  c: AdminContext,
  desk: TemplateDesk,
  template: TemplateRow,
  fields: FormFields,
  { version, address, userId, context }: WantedTest,
): Promise<Response> {
  const { db, publisher, topics, now } = desk.parts;
  const { templateId } = template;
  const requestId = newRequestId();
  const requestedAt = now();
  const createdBy = c.var.session.name;
  await noteTestSend(db, { requestId, templateId, templateVersion: version, address, userId, createdBy }, requestedAt);
  const detail = { version, address: maskAddress(address), userId, requestId };
  await writeAudit(db, c, 'template.test_sent', `template ${templateId}`, detail);
  const event: NotificationRequested = {
    request_id: requestId,
    template_id: templateId,
    priority: 'high',
    is_promo: template.isPromo,
    user_ids: [userId],
    user_categories: [],
    context,
    requested_at: requestedAt,
    scheduled_at: null,
    expires_at: null,
    test: { address, template_version: version },
  };
  try {
    await publisher.publish([{ topic: topics.requestsHigh, key: userId, event, traceparent: undefined }]);
  } catch (error) {
    if (!(error instanceof DependencyError)) throw error;
    desk.parts.logger.warn({ err: error, requestId }, 'a test could not be handed over');
    const form = `Kafka does not take the test at the moment; it may still arrive. Try again shortly. (${describeError(error)})`;
    return show(c, desk, template, fields, { form }, 503);
  }
  return done(c, `/templates/${templateId}/test/${requestId}`, `Version ${version} is on its way to ${address}.`);
}

async function showProgress(c: AdminContext, parts: Parts, template: TemplateRow): Promise<Response> {
  const id = c.req.param('request') ?? '';
  const test: TestSend | undefined = isUuid(id) ? await findTestSend(parts.db, id) : undefined;
  if (!test || test.templateId !== template.templateId) throw new PageError(404, 'There is no such test.');
  const progress = describeProgress(await readTestProgress(parts.db, test), parts.now() - test.createdAt.getTime());
  if (c.req.header('accept')?.includes('application/json')) return c.json(progress);
  const data = { template, test, progress, channelTitle: channelTitles[template.channel], tab: 'test' };
  return page(c, parts, 'templates/test-sent', { title: `Test of ${template.title}`, ...data });
}

async function show(
  c: AdminContext,
  { parts }: TemplateDesk,
  template: TemplateRow,
  form: FormFields,
  faults: FormFaults = {},
  failed: 422 | 429 | 503 = 422,
): Promise<Response> {
  const versions = await listVersions(parts.db, template.templateId);
  const wanted = readNumber(form.version) ?? versions[0]?.version;
  const data = { template, form, faults, versions, wanted, channelTitle: channelTitles[template.channel], tab: 'test' };
  const status = Object.keys(faults).length > 0 ? failed : 200;
  return page(c, parts, 'templates/test', { title: `Send a test of ${template.title}`, ...data }, status);
}
