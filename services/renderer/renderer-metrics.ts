// What the renderer counts besides what every stage counts.
import { Counter } from 'prom-client';
import type { Registry } from '../../lib/metrics.ts';

export interface RendererMetrics {
  /** A message ended because our own code met an error with its data. */
  renderBug(): void;
}

export function createRendererMetrics(registry: Registry): RendererMetrics {
  const renderBugs = new Counter({
    name: 'posthorn_render_bugs_total',
    help: 'Messages that ended as template_error because our own code met an error with their data',
    registers: [registry],
  });
  return { renderBug: () => renderBugs.inc() };
}
