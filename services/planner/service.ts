// Wires the planner: one lane for each requests topic, one store.
import type { Running, ServiceContext } from '../../lib/lifecycle.ts';
import { startStageProcess } from '../../lib/stage-process.ts';
import type { PlannerConfig } from './config.ts';
import { createPlannerStage } from './planner-stage.ts';
import { createRequestStore } from './request-store.ts';

export function startPlanner(config: PlannerConfig, context: ServiceContext): Promise<Running> {
  return startStageProcess('planner', config, context, ({ db, publisher, topics }) => {
    const parts = { db, store: createRequestStore(db), publisher, topics, now: Date.now };
    return { stages: topics.lanes.planner.map((lane) => createPlannerStage(lane, parts)) };
  });
}
