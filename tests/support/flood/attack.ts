// What a flood of one service is made of. Plain values: they go to a thread of their own (sender.ts).

/** A text that is repeated until it is so large: 2 MiB need not be written down. */
export interface Body {
  head?: string;
  repeat: string;
  tail?: string;
  bytes: number;
}

/** One call. */
export interface Attack {
  title: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: Body;
  /** In place of a body: the same fields with the same value, sharing so many bytes. */
  form?: { names: readonly string[]; value: string; bytes: number };
}

export interface Seen {
  title: string;
  /** Undefined where the connection was closed without an answer. */
  status: number | undefined;
  /** Of the slowest answer of /healthz while the call ran. */
  healthMs: number;
  /** When the call began, by performance.timeOrigin + performance.now(). */
  atMs: number;
  ms: number;
}

export interface FloodOrder {
  port: number;
  opsPort: number;
  attacks: readonly Attack[];
}
