// The renderer's settings, from the environment.
import { availableParallelism } from 'node:os';
import { z } from 'zod';
import {
  count,
  type Environment,
  linkVariables,
  port,
  readConfig,
  stageVariables,
  toStageSettings,
} from '../../lib/config.ts';

/** One core is left to the rest of the process; more than four threads would need more memory than they save time. */
const defaultWorkers = Math.min(4, Math.max(1, availableParallelism() - 1));

export const rendererVariables = z.object({
  ...stageVariables,
  ...linkVariables,
  /** Worker threads for each lane. */
  RENDER_WORKERS: count(1, 16).default(defaultWorkers),
  OPS_PORT: port.default(9103),
});

export type RendererConfig = ReturnType<typeof readRendererConfig>;

/** @throws ConfigError naming every variable that is missing or wrong */
export function readRendererConfig(env: Environment) {
  const variables = readConfig(rendererVariables, env);
  return {
    ...toStageSettings(variables, variables.OPS_PORT),
    workersPerLane: variables.RENDER_WORKERS,
    secret: variables.POSTHORN_SECRET,
    publicUrl: variables.PUBLIC_URL,
  };
}
