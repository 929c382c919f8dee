// What the admin service counts: its pages, refused log-ins, and what it sees of the whole: lag of every lane (also of one
// that nobody runs), dead letters that are kept, what waits, and what operators have asked for.
import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { authorKind } from '../../domain/holds.ts';
import type { HoldCount } from '../../lib/holds/list-holds.ts';
import type { Priority, StageName } from '../../lib/topics.ts';

/** What is seen of the whole system in one look. */
export interface Whole {
  lanes: readonly { stage: StageName; name: string; lag: number; memberCount: number | null }[];
  deadLetters: readonly { stage: StageName; keptCount: number }[];
}

export interface WaitingNow {
  priority: Priority;
  rows: number;
  pausedRows: number;
  overdueSeconds: number;
  oldestSeconds: number;
}

export interface OperatorWork {
  kind: 'redrive' | 'discard' | 'replay';
  state: string;
  count: number;
}

export interface AdminMetrics {
  /** @param route the pattern, never the path itself */
  answered(route: string, status: number, seconds: number): void;
  whole(seen: Whole | undefined): void;
  /** @param count of dead letters in memory, asked for with each reading of the metrics */
  watchDeadLetters(count: () => number): void;
  waiting(rows: readonly WaitingNow[] | undefined): void;
  operatorWork(work: readonly OperatorWork[] | undefined): void;
  holds(counts: readonly HoldCount[] | undefined): void;
}

export function createAdminMetrics(registry: Registry): AdminMetrics {
  const registers = [registry];
  const gauge = <L extends string>(name: string, help: string, labelNames: readonly L[]) =>
    new Gauge({ name, help, labelNames, registers });
  const pages = new Counter({
    name: 'posthorn_admin_pages_total',
    help: 'Pages and actions answered',
    labelNames: ['route', 'status'],
    registers,
  });
  const seconds = new Histogram({
    name: 'posthorn_admin_page_seconds',
    help: 'Time from a request for a page to the beginning of its answer',
    labelNames: ['route'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });
  const refused = new Counter({
    name: 'posthorn_admin_log_ins_refused_total',
    help: 'Log-ins refused: a wrong name or password, or too many tries',
    labelNames: ['cause'],
    registers,
  });
  const lane = ['stage', 'priority'] as const;
  const lag = gauge('posthorn_group_lag_records', 'Records not yet committed, whoever runs the lane or nobody', lane);
  const members = gauge('posthorn_group_members', 'Consumers in the group of the lane', lane);
  const kept = gauge('posthorn_dead_letters_kept_records', 'Dead letters in the topic', ['stage']);
  const priority = ['priority'] as const;
  const rows = gauge('posthorn_waiting_rows', 'Deliveries that wait for another try; counted up to 10,000', priority);
  const paused = gauge('posthorn_waiting_paused_rows', 'Those that wait only for the end of a pause', priority);
  const overdue = gauge('posthorn_waiting_overdue_seconds', 'For how long the first has been due', priority);
  const oldest = gauge(
    'posthorn_waiting_oldest_seconds',
    'How long the oldest of those due first has waited',
    priority,
  );
  const holds = gauge('posthorn_holds_active', 'Holds in force, and pauses of requests', ['scope', 'author']);
  const work = gauge('posthorn_operator_work', 'What operators asked for and has not ended', ['kind', 'state']);
  let countListed = () => 0;
  new Gauge({
    name: 'posthorn_admin_dead_letters_listed',
    help: 'Dead letters that the pages list, in memory; at most 20,000',
    registers,
    collect() {
      this.set(countListed());
    },
  });

  return {
    answered(route, status, duration) {
      pages.inc({ route, status });
      seconds.observe({ route }, duration);
      if (route !== '/login') return;
      if (status === 401) refused.inc({ cause: 'wrong' });
      if (status === 429 || status === 503) refused.inc({ cause: 'too_many' });
    },
    whole(seen) {
      for (const one of [lag, members, kept]) one.reset();
      for (const { stage, name, lag: count, memberCount } of seen?.lanes ?? []) {
        lag.set({ stage, priority: name }, count);
        if (memberCount !== null) members.set({ stage, priority: name }, memberCount);
      }
      for (const { stage, keptCount } of seen?.deadLetters ?? []) kept.set({ stage }, keptCount);
    },
    watchDeadLetters(count) {
      countListed = count;
    },
    waiting(seen) {
      for (const one of [rows, paused, overdue, oldest]) one.reset();
      for (const one of seen ?? []) {
        const labels = { priority: one.priority };
        rows.set(labels, one.rows);
        paused.set(labels, one.pausedRows);
        overdue.set(labels, one.overdueSeconds);
        oldest.set(labels, one.oldestSeconds);
      }
    },
    holds(counts) {
      holds.reset();
      for (const { scope, author, count } of counts ?? []) holds.inc({ scope, author: authorKind(author) }, count);
    },
    operatorWork(seen) {
      work.reset();
      for (const { kind, state, count } of seen ?? []) work.set({ kind, state }, count);
    },
  };
}
