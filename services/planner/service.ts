// Wires the planner: one lane for each requests topic, one store, and the mailing runner beside them.
import type { Running, ServiceContext } from '../../lib/lifecycle.ts';
import { startStageProcess } from '../../lib/stage-process.ts';
import { createUserService } from '../../lib/user-service.ts';
import type { PlannerConfig } from './config.ts';
import { startMailingRunner } from './mailing-runner.ts';
import { createPlannerMetrics } from './planner-metrics.ts';
import { createPlannerStage } from './planner-stage.ts';
import { createRequestStore } from './request-store.ts';

export function startPlanner(config: PlannerConfig, context: ServiceContext): Promise<Running> {
  const users = createUserService(config.userService);
  return startStageProcess('planner', config, context, (shared) => {
    const { db, publisher, topics, kafka, logger } = shared;
    const store = createRequestStore(db);
    const parts = { db, store, publisher, topics, now: Date.now };
    const stages = topics.lanes.planner.map((lane) => createPlannerStage(lane, parts));
    // A process for urgent requests alone (LANES=high) leaves mailings to the others.
    if (config.lanes && !config.lanes.includes('requests')) return { stages };
    const metrics = createPlannerMetrics(shared.metrics);
    const runner = startMailingRunner({ ...parts, kafka, users, logger, metrics, window: config.mailingWindow });
    return { stages, waitingFor: runner.waitingFor, stop: runner.stop };
  });
}
