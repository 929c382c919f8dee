// Wires the renderer: one lane a priority, each with worker threads of its own.
import type { Running, ServiceContext } from '../../lib/lifecycle.ts';
import { startStageProcess } from '../../lib/stage-process.ts';
import type { RendererConfig } from './config.ts';
import { createLimitBreaker } from './limit-breaker.ts';
import { createRenderLane, type RenderLane } from './render-lane.ts';
import { createRenderStage } from './render-stage.ts';
import { createRenderThread } from './render-thread.ts';
import { createSliceWeight } from './slice-weight.ts';
import { createTemplateStore } from './template-store.ts';

export function startRenderer(config: RendererConfig, context: ServiceContext): Promise<Running> {
  return startStageProcess('renderer', config, context, ({ db, topics }) => {
    const templates = createTemplateStore(db);
    const breaker = createLimitBreaker();
    const weight = createSliceWeight();
    const renderLanes: RenderLane[] = [];
    const stages = topics.lanes.renderer
      .filter((lane) => !config.lanes || config.lanes.includes(lane.name))
      .map((lane) => {
        const threads = Array.from({ length: config.workersPerLane }, (_, index) =>
          createRenderThread({ keepAlive: lane.name === 'high' && index === 0 }),
        );
        const renderLane = createRenderLane({ threads, breaker, weight, now: Date.now });
        renderLanes.push(renderLane);
        return createRenderStage({ lane, outputs: topics.rendered, templates, renderLane, weight, now: Date.now });
      });
    return {
      stages,
      async stop() {
        await Promise.all(renderLanes.map((renderLane) => renderLane.stop()));
      },
    };
  });
}
