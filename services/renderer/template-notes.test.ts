import { Registry } from 'prom-client';
import { describe, expect, it, vi } from 'vitest';
import type { TemplateVersion } from '../../content/template.ts';
import type { Logger } from '../../lib/logger.ts';
import { createRendererMetrics } from './renderer-metrics.ts';
import { createTemplateNotes } from './template-notes.ts';

const template = { templateId: 'news', version: 2 } as TemplateVersion;
const links = [{ attribute: 'href', protocol: 'javascript' }];

describe('links that are left out', () => {
  it('are counted each time, and in the log once a minute for a template, without their addresses', async () => {
    const registry = new Registry();
    const warn = vi.fn();
    let now = 0;
    const logger = { warn, error: vi.fn() } as unknown as Logger;
    const { onLeftOut } = createTemplateNotes({ logger, metrics: createRendererMetrics(registry), now: () => now });
    onLeftOut(template, 'r1', links);
    onLeftOut(template, 'r1', [...links, ...links]);
    expect(warn.mock.calls).toEqual([
      [{ templateId: 'news', version: 2, requestId: 'r1', links }, expect.stringContaining('left out')],
    ]);
    now += 60_000;
    onLeftOut(template, 'r2', links);
    expect(warn).toHaveBeenCalledTimes(2);
    expect(await registry.getSingleMetricAsString('posthorn_links_left_out_total')).toContain(
      'posthorn_links_left_out_total 4',
    );
  });
});
