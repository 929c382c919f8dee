// Both clocks of the machine. The monotonic one cannot be set, but stands still while a virtual machine is suspended
// (CLOCK_MONOTONIC); the wall clock goes on meanwhile, but can be set.

export interface Clocks {
  monotonicMs: number;
  /** Milliseconds since 1970 UTC. */
  wallMs: number;
}

export function readClocks(): Clocks {
  return { monotonicMs: performance.now(), wallMs: Date.now() };
}
