// autocannon brings no types; these are the parts of it that load.ts uses.
declare module 'autocannon' {
  interface Request {
    method?: string;
    path?: string;
    headers?: Record<string, string>;
    body?: string;
  }
  interface Options extends Request {
    url: string;
    connections: number;
    /** Seconds. */
    duration?: number;
    amount?: number;
    requests?: { setupRequest?(request: Request): Request }[];
  }
  interface Result {
    '2xx': number;
    non2xx: number;
    errors: number;
    start: Date;
    finish: Date;
    requests: { total: number };
    /** Milliseconds. */
    latency: { p50: number; p99: number };
  }
  export default function autocannon(options: Options): Promise<Result>;
}
