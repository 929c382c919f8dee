// Wires the renderer: one lane a priority, each with worker threads of its own.
import { rememberAddresses } from '../../lib/known-addresses.ts';
import type { Running, ServiceContext } from '../../lib/lifecycle.ts';
import { startStageProcess } from '../../lib/stage-process.ts';
import type { RendererConfig } from './config.ts';
import { createLimitBreaker } from './limit-breaker.ts';
import { createRenderLane, type RenderLane } from './render-lane.ts';
import { createRenderStage } from './render-stage.ts';
import { createRenderThread } from './render-thread.ts';
import { createRendererMetrics } from './renderer-metrics.ts';
import { createSliceWeight } from './slice-weight.ts';
import { createTemplateNotes } from './template-notes.ts';
import { createTemplateStore } from './template-store.ts';
import { createUnsubscribeUrls, isOneClickable } from './unsubscribe-urls.ts';

export function startRenderer(config: RendererConfig, context: ServiceContext): Promise<Running> {
  if (!isOneClickable(config.publicUrl)) {
    context.logger.warn('PUBLIC_URL is not https: mail programs will show no button to unsubscribe (RFC 8058)');
  }
  return startStageProcess('renderer', config, context, ({ db, topics, logger, metrics }) => {
    const templates = createTemplateStore(db);
    const breaker = createLimitBreaker();
    const weight = createSliceWeight();
    const unsubscribeUrlOf = createUnsubscribeUrls(config);
    const notes = createTemplateNotes({ logger, metrics: createRendererMetrics(metrics), now: Date.now });
    const renderLanes: RenderLane[] = [];
    const stages = topics.lanes.renderer
      .filter((lane) => !config.lanes || config.lanes.includes(lane.name))
      .map((lane) => {
        const threads = Array.from({ length: config.workersPerLane }, (_, index) =>
          createRenderThread({ keepAlive: lane.name === 'high' && index === 0 }),
        );
        const renderLane = createRenderLane({ threads, breaker, weight, now: Date.now, ...notes });
        renderLanes.push(renderLane);
        const outputs = topics.rendered;
        return createRenderStage({
          lane,
          outputs,
          templates,
          renderLane,
          weight,
          unsubscribeUrlOf,
          remember: (events) =>
            rememberAddresses(
              db,
              config.secret,
              events.map(({ channel, user_id: userId, address }) => ({ channel, userId, address })),
            ),
          now: Date.now,
        });
      });
    return {
      stages,
      async stop() {
        await Promise.all(renderLanes.map((renderLane) => renderLane.stop()));
      },
    };
  });
}
