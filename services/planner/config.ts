// The planner's settings, from the environment.
import { z } from 'zod';
import { type Environment, port, readConfig, stageVariables, toStageSettings } from '../../lib/config.ts';

export const plannerVariables = z.object({
  ...stageVariables,
  OPS_PORT: port.default(9101),
});

export type PlannerConfig = ReturnType<typeof readPlannerConfig>;

/** @throws ConfigError naming every variable that is missing or wrong */
export function readPlannerConfig(env: Environment) {
  const variables = readConfig(plannerVariables, env);
  return toStageSettings(variables, variables.OPS_PORT);
}
