// What the renderer counts besides what every stage counts.
import { Counter } from 'prom-client';
import type { Registry } from '../../lib/metrics.ts';

export interface RendererMetrics {
  /** A message ended because our own code met an error with its data. */
  renderBug(): void;
  /** Addresses in messages' data that a mail may not link to. */
  linksLeftOut(count: number): void;
}

export function createRendererMetrics(registry: Registry): RendererMetrics {
  const renderBugs = new Counter({
    name: 'posthorn_render_bugs_total',
    help: 'Messages that ended as template_error because our own code met an error with their data',
    registers: [registry],
  });
  const linksLeftOut = new Counter({
    name: 'posthorn_links_left_out_total',
    help: 'Links left out of messages because the data held an address that mail may not link to',
    registers: [registry],
  });
  return { renderBug: () => renderBugs.inc(), linksLeftOut: (count) => linksLeftOut.inc(count) };
}
