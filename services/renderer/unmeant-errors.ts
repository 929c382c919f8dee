// Errors of our own code that a message's data brought about. They end that one message; here they stay visible: counted
// each time, and in the log with their stack once a minute for each version of a template.
import type { TemplateVersion } from '../../content/template.ts';
import type { Logger } from '../../lib/logger.ts';
import type { RendererMetrics } from './renderer-metrics.ts';
import { toTemplateKey } from './work.ts';

const sameTemplateEveryMs = 60_000;
const maxTemplates = 1_000;

export function createUnmeantErrors(options: { logger: Logger; metrics: RendererMetrics; now: () => number }) {
  const { logger, metrics, now } = options;
  const loggedAt = new Map<string, number>();
  return (template: TemplateVersion, stack: string): void => {
    metrics.renderBug();
    const key = toTemplateKey(template);
    if (now() - (loggedAt.get(key) ?? Number.NEGATIVE_INFINITY) < sameTemplateEveryMs) return;
    if (loggedAt.size >= maxTemplates) loggedAt.clear();
    loggedAt.set(key, now());
    const { templateId, version } = template;
    logger.error({ templateId, version, stack }, 'a bug: a message of this template met it and failed');
  };
}
