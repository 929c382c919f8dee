// What is worth knowing about a template whose messages went on, or ended, otherwise than it was meant: counted each time,
// and in the log once a minute for each version of a template. Errors of our own code that a message's data brought about
// end that one message; links of its data that are not let through are left out of it.
import type { BadLink } from '../../content/links.ts';
import type { TemplateVersion } from '../../content/template.ts';
import type { Logger } from '../../lib/logger.ts';
import type { RendererMetrics } from './renderer-metrics.ts';
import { toTemplateKey } from './work.ts';

const sameTemplateEveryMs = 60_000;
const maxTemplates = 1_000;

export interface TemplateNotes {
  /** A message failed by an error that nobody meant to throw. */
  onUnmeant(template: TemplateVersion, stack: string): void;
  onLeftOut(template: TemplateVersion, requestId: string, links: readonly BadLink[]): void;
}

export function createTemplateNotes(options: {
  logger: Logger;
  metrics: RendererMetrics;
  now: () => number;
}): TemplateNotes {
  const { logger, metrics, now } = options;
  const mayLogError = createPace(now);
  const mayLogLinks = createPace(now);
  return {
    onUnmeant(template, stack) {
      metrics.renderBug();
      if (!mayLogError(toTemplateKey(template))) return;
      const { templateId, version } = template;
      logger.error({ templateId, version, stack }, 'a bug: a message of this template met it and failed');
    },
    onLeftOut(template, requestId, links) {
      metrics.linksLeftOut(links.length);
      if (!mayLogLinks(toTemplateKey(template))) return;
      const { templateId, version } = template;
      logger.warn({ templateId, version, requestId, links }, 'links of the data of a message were left out of it');
    },
  };
}

function createPace(now: () => number): (key: string) => boolean {
  const loggedAt = new Map<string, number>();
  return (key) => {
    if (now() - (loggedAt.get(key) ?? Number.NEGATIVE_INFINITY) < sameTemplateEveryMs) return false;
    if (loggedAt.size >= maxTemplates) loggedAt.clear();
    loggedAt.set(key, now());
    return true;
  };
}
