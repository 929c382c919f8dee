// The knobs that make this world misbehave: how slow, how often wrong. Read and set over HTTP at GET/PUT /knobs.
import { Hono } from 'hono';
import { z } from 'zod';
import { describeFaults, readJson, refuse } from './refusal.ts';

const rate = z.number().min(0).max(1).default(0);

/** Rates are shares of requests, 0 to 1; no request suffers two of them, so together they are at most 1. */
export const knobsSchema = z
  .strictObject({
    /** Before every answer, good or bad. */
    delay_ms: z.int().min(0).max(600_000).default(0),
    /** 500 or 503; the request had no effect. */
    error_rate: rate,
    /** 200 with something that is not the answer; the request had its effect. */
    garbage_rate: rate,
    /** No answer until the caller leaves; the request had its effect. */
    hang_rate: rate,
    /** SMS only: 429 with Retry-After; the request had no effect. */
    busy_rate: rate,
    /** Which half of this world misbehaves. */
    routes: z.enum(['all', 'users', 'sms']).default('all'),
  })
  .refine((knobs) => knobs.error_rate + knobs.garbage_rate + knobs.hang_rate + knobs.busy_rate <= 1 + 1e-9, {
    message: 'error_rate, garbage_rate, hang_rate and busy_rate add up to more than 1',
  });

export type Knobs = z.output<typeof knobsSchema>;
export type KnobsInput = z.input<typeof knobsSchema>;

/** Holds the knobs of one running world. */
export interface KnobBoard {
  read(): Knobs;
  set(knobs: Knobs): void;
}

/** @throws ZodError when a knob is out of range or unknown */
export function createKnobBoard(initial: KnobsInput = {}): KnobBoard {
  let current = knobsSchema.parse(initial);
  return {
    read: () => current,
    set: (knobs) => {
      current = knobs;
    },
  };
}

/** PUT replaces all knobs: what is not named goes back to harmless, so `{}` ends the trouble. */
export function createKnobRoutes(board: KnobBoard): Hono {
  return new Hono()
    .get('/knobs', (c) => c.json(board.read()))
    .put('/knobs', async (c) => {
      const body = await readJson(c);
      if (body === undefined) return refuse(c, 400, 'not_json', 'The body is not JSON.');
      const parsed = knobsSchema.safeParse(body);
      if (!parsed.success) return refuse(c, 422, 'bad_knobs', describeFaults(parsed.error));
      board.set(parsed.data);
      return c.json(parsed.data);
    });
}
