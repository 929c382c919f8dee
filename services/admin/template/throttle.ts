// So many a minute and no more, for each person. Kept in memory: it is against a stuck key, not against an attack.

export interface Throttle {
  /** @returns 0 when it may be done now, else the seconds to wait */
  wait(who: string, nowMs: number): number;
}

export function createThrottle(limit: number, windowMs = 60_000): Throttle {
  const times = new Map<string, number[]>();
  return {
    wait(who, nowMs) {
      const recent = (times.get(who) ?? []).filter((time) => nowMs - time < windowMs);
      const [oldest] = recent;
      if (recent.length >= limit && oldest !== undefined) return Math.ceil((oldest + windowMs - nowMs) / 1_000);
      times.set(who, [...recent, nowMs]);
      return 0;
    },
  };
}
