// The enricher's settings, from the environment.
import { z } from 'zod';
import {
  count,
  type Environment,
  linkVariables,
  port,
  readConfig,
  stageVariables,
  toStageSettings,
  url,
} from '../../lib/config.ts';

export const enricherVariables = z.object({
  ...stageVariables,
  USER_SERVICE_URL: url('http:', 'https:'),
  USER_SERVICE_TOKEN: z.string().optional(),
  USER_SERVICE_TIMEOUT_MS: count(100, 60_000).default(5_000),
  /** Erased people, and addresses of people who end here, are known by hashes that are keyed with it. */
  POSTHORN_SECRET: linkVariables.POSTHORN_SECRET,
  OPS_PORT: port.default(9102),
});

export type EnricherConfig = ReturnType<typeof readEnricherConfig>;

/** @throws ConfigError naming every variable that is missing or wrong */
export function readEnricherConfig(env: Environment) {
  const variables = readConfig(enricherVariables, env);
  return {
    ...toStageSettings(variables, variables.OPS_PORT),
    secret: variables.POSTHORN_SECRET,
    userService: {
      url: variables.USER_SERVICE_URL,
      token: variables.USER_SERVICE_TOKEN,
      timeoutMs: variables.USER_SERVICE_TIMEOUT_MS,
    },
  };
}
