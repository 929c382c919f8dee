// What can be set from the environment, read whole: every fault is reported at once, before anything starts.
import { z } from 'zod';
import { type Knobs, knobsSchema } from './knobs.ts';

export interface Settings {
  port: number;
  host: string;
  knobs: Knobs;
  userServiceToken: string | undefined;
  smsGatewayToken: string | undefined;
}

export type Environment = Record<string, string | undefined>;

const KNOB_VARIABLES = {
  USER_MOCK_DELAY_MS: 'delay_ms',
  USER_MOCK_ERROR_RATE: 'error_rate',
  USER_MOCK_GARBAGE_RATE: 'garbage_rate',
  USER_MOCK_HANG_RATE: 'hang_rate',
  USER_MOCK_BUSY_RATE: 'busy_rate',
  USER_MOCK_ROUTES: 'routes',
} as const;

const portSchema = z.coerce.number().int().min(0).max(65_535);

/** @throws SettingsError naming every variable that is wrong; an empty variable counts as not set */
export function readSettings(env: Environment): Settings {
  const faults: string[] = [];
  const port = portSchema.safeParse(env.USER_MOCK_PORT || '8002');
  if (!port.success) faults.push(`USER_MOCK_PORT is ${JSON.stringify(env.USER_MOCK_PORT)}, not a port from 0 to 65535`);

  const knobValues: Record<string, unknown> = {};
  for (const [variable, knob] of Object.entries(KNOB_VARIABLES)) {
    const text = env[variable];
    if (text) knobValues[knob] = knob === 'routes' ? text : Number(text);
  }
  const knobs = knobsSchema.safeParse(knobValues);
  for (const { path, message } of knobs.error?.issues ?? []) {
    const variable = Object.entries(KNOB_VARIABLES).find(([, knob]) => knob === path[0])?.[0];
    faults.push(variable === undefined ? message : `${variable} is ${JSON.stringify(env[variable])}: ${message}`);
  }

  if (!port.success || !knobs.success) throw new SettingsError(faults.join('; '));
  return {
    port: port.data,
    host: env.BIND_HOST || '127.0.0.1',
    knobs: knobs.data,
    userServiceToken: env.USER_SERVICE_TOKEN || undefined,
    smsGatewayToken: env.SMS_GATEWAY_TOKEN || undefined,
  };
}

export class SettingsError extends Error {
  readonly code = 'bad_settings';
}
