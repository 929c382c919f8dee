// Runs in the preview's worker thread: the same steps from a person's record to the message as the enricher and the
// renderer take. It does nothing else, so it can be killed at any moment.
import { checkTemplate } from '../../content/check-template.ts';
import { findCollector } from '../../content/kinds.ts';
import { renderMessage } from '../../content/render.ts';
import { toRenderFault } from '../../content/render-fault.ts';
import { toTemplateFault } from '../../content/template-fault.ts';
import { toVariables } from '../../content/variables.ts';
import { PermanentError } from '../../lib/errors.ts';
import type { Preview, PreviewAnswer, PreviewJob, PreviewTask } from './preview-work.ts';
import { compareTexts } from './template/compare.ts';

export default function runPreviewTask(task: PreviewTask): PreviewAnswer {
  if (task.task === 'start') return undefined;
  if (task.task === 'compare') return compareTexts(task.from, task.to);
  return task.task === 'check' ? checkTemplate(task.template) : renderPreview(task.job);
}

function renderPreview({ template, kind, user, context, unsubscribeUrl }: PreviewJob): Preview {
  try {
    const collector = findCollector(kind);
    if (!collector) throw new PermanentError('kind_unknown', `this release has no collector for the kind '${kind}'`);
    const variables = toVariables({
      collected: JSON.stringify(collector.collect(user)),
      context,
      firstName: user.first_name,
      lastName: user.last_name,
    });
    return { kind: 'message', message: renderMessage(template, variables, unsubscribeUrl) };
  } catch (error) {
    return { kind: 'fault', ...toTemplateFault(toRenderFault(error).message) };
  }
}
