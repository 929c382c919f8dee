// What the planner counts besides what every stage does.
import { Counter, Gauge } from 'prom-client';
import type { Registry } from '../../lib/metrics.ts';
import { type Priority, priorities } from '../../lib/topics.ts';
import type { AsideWork } from './runner/set-aside.ts';

/** A request that this process drives, as it was last seen. */
export interface DrivenNow {
  priority: Priority;
  /** People planned and not ended; of those who wait for a retry only what is more than half of the window. */
  onTheirWay: number;
}

export interface PlannerMetrics {
  /** @param read called whenever the metrics are */
  watchDriven(read: () => readonly DrivenNow[], window: number): void;
  /** People who were published again because nothing was heard of them. */
  healed(count: number): void;
  /** People who ended as failed(lost). */
  lost(count: number): void;
  /** A request or mailing was left alone for a while, because this work on it comes to no end. */
  setAside(work: AsideWork): void;
  /**
   * Since when the oldest request of a priority has been open that stands still, milliseconds since 1970 UTC; undefined when
   * there is none. Without an argument: another planner knows.
   */
  oldestOpen(oldest: { priority: Priority; sinceMs: number | undefined } | undefined): void;
}

export function createPlannerMetrics(registry: Registry): PlannerMetrics {
  const registers = [registry];
  const labelNames = ['priority'] as const;
  let read: () => readonly DrivenNow[] = () => [];
  let windowPeople = 0;
  const ofPriority = (priority: Priority) => read().filter((one) => one.priority === priority);

  new Gauge({
    name: 'posthorn_mailings_driven',
    help: 'Requests with an audience, or for later, that this process plans or looks after right now',
    labelNames,
    registers,
    collect() {
      for (const priority of priorities) this.set({ priority }, ofPriority(priority).length);
    },
  });
  new Gauge({
    name: 'posthorn_mailing_people_on_their_way',
    help: 'People of the driven requests who are planned, not ended, and take room in the window',
    labelNames,
    registers,
    collect() {
      for (const priority of priorities) {
        this.set(
          { priority },
          ofPriority(priority).reduce((sum, { onTheirWay }) => sum + onTheirWay, 0),
        );
      }
    },
  });
  new Gauge({
    name: 'posthorn_mailing_window_people',
    help: 'MAILING_WINDOW: how many people of one mailing may be on their way',
    registers,
    collect() {
      this.set(windowPeople);
    },
  });
  const healed = new Counter({
    name: 'posthorn_mailing_people_healed_total',
    help: 'People published again because the numbers of their mailing or request did not move',
    registers,
  });
  const lost = new Counter({
    name: 'posthorn_mailing_people_lost_total',
    help: 'People who ended as failed(lost), published three times again and never heard of',
    registers,
  });

  const aside = new Counter({
    name: 'posthorn_mailings_set_aside_total',
    help: 'Times a mailing or request was left alone for a while: its statements come to no end, or the user service fails for it alone',
    labelNames: ['work'],
    registers,
  });

  const oldest = new Map<Priority, number | undefined>();
  new Gauge({
    name: 'posthorn_oldest_open_request_seconds',
    help: 'How long the oldest request has been open that stands still; told by the planner that sweeps',
    labelNames,
    registers,
    collect() {
      this.reset();
      for (const [priority, sinceMs] of oldest) {
        this.set({ priority }, sinceMs === undefined ? 0 : Math.max(0, (Date.now() - sinceMs) / 1000));
      }
    },
  });

  return {
    oldestOpen(known) {
      if (known) oldest.set(known.priority, known.sinceMs);
      else oldest.clear();
    },
    watchDriven(given, window) {
      read = given;
      windowPeople = window;
    },
    setAside: (work) => aside.inc({ work }),
    healed: (count) => healed.inc(count),
    lost: (count) => lost.inc(count),
  };
}
