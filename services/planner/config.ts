// The planner's settings, from the environment.
import { z } from 'zod';
import { count, type Environment, port, readConfig, stageVariables, toStageSettings, url } from '../../lib/config.ts';

export const plannerVariables = z.object({
  ...stageVariables,
  USER_SERVICE_URL: url('http:', 'https:'),
  USER_SERVICE_TOKEN: z.string().optional(),
  USER_SERVICE_TIMEOUT_MS: count(100, 60_000).default(5_000),
  /** People of one mailing who are planned, have no end and do not wait for a retry. */
  MAILING_WINDOW: count(1_000, 1_000_000).default(50_000),
  OPS_PORT: port.default(9101),
});

export type PlannerConfig = ReturnType<typeof readPlannerConfig>;

/** @throws ConfigError naming every variable that is missing or wrong */
export function readPlannerConfig(env: Environment) {
  const variables = readConfig(plannerVariables, env);
  return {
    ...toStageSettings(variables, variables.OPS_PORT),
    userService: {
      url: variables.USER_SERVICE_URL,
      token: variables.USER_SERVICE_TOKEN,
      timeoutMs: variables.USER_SERVICE_TIMEOUT_MS,
    },
    mailingWindow: variables.MAILING_WINDOW,
  };
}
