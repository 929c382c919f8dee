// The planner process: requests become chunks.
import { runService } from '../../lib/lifecycle.ts';
import { readPlannerConfig } from './config.ts';
import { startPlanner } from './service.ts';

await runService('planner', process.env, (env, context) => startPlanner(readPlannerConfig(env), context));
