// /topics : every topic of ours with its size and rate, and how far each lane is; live.
import { listSharedHolds } from '../../../lib/holds/list-holds.ts';
import { streamPart } from '../event-stream.ts';
import type { LaneFacts, TopicFacts } from '../kafka/lag.ts';
import type { LagView } from '../kafka/lag-sampler.ts';
import { createNewestTimes } from '../kafka/newest-times.ts';
import { page } from '../page.ts';
import type { AdminApp, Parts } from '../parts.ts';
import { requireAbility } from '../roles.ts';
import { toShownHold } from '../shown-holds.ts';

const liveEveryMs = 5_000;

export function topics(app: AdminApp, parts: Parts): void {
  const newest = createNewestTimes(parts.records, parts.logger);
  const toData = (view: LagView) => {
    const times = newest.known(view);
    const shown = view.facts.topics.map((facts) => ({
      ...facts,
      rate: toRate(facts.ratePerS),
      newestMs: times.get(facts.name),
    }));
    return {
      lanes: view.facts.lanes.map(toShownLane),
      topics: shown.filter(({ stage }) => stage === null),
      deadLetters: shown.filter(({ stage }) => stage !== null),
    };
  };

  app.get('/topics', async (c) => {
    requireAbility(c, 'operate');
    const onHold = (await listSharedHolds(parts.db)).map(toShownHold);
    return page(c, parts, 'topics/list', { title: 'Topics', onHold, ...toData(await parts.lag.current()) });
  });
  app.get('/topics/live', (c) => {
    requireAbility(c, 'operate');
    const make = async () => parts.views.render('topics/live', toData(await parts.lag.current()));
    return streamPart(c, parts, liveEveryMs, make, parts.lag.watch());
  });
}

export function toShownLane(facts: LaneFacts) {
  return { ...facts, rate: toRate(facts.ratePerS) };
}

/** `12/s`, `0.3/s`; a dash where it is not known yet. */
export function toRate(perS: TopicFacts['ratePerS']): string {
  if (perS === null) return '–';
  return `${perS >= 10 || perS === 0 ? Math.round(perS).toLocaleString('en-US') : perS.toFixed(1)}/s`;
}
