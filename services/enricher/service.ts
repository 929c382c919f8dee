// Wires the enricher: one lane a priority, one user service, one look at who unsubscribed.
import { rememberAddresses } from '../../lib/known-addresses.ts';
import type { Running, ServiceContext } from '../../lib/lifecycle.ts';
import { startStageProcess } from '../../lib/stage-process.ts';
import { createUserService } from '../../lib/user-service.ts';
import type { EnricherConfig } from './config.ts';
import { createEnricherStage } from './enricher-stage.ts';
import { createErased } from './erased.ts';
import { createUnsubscribes } from './unsubscribes.ts';

export function startEnricher(config: EnricherConfig, context: ServiceContext): Promise<Running> {
  const userService = createUserService(config.userService);
  return startStageProcess('enricher', config, context, ({ topics, db }) => {
    const unsubscribes = createUnsubscribes(db);
    const erased = createErased(db, config.secret);
    return {
      stages: topics.lanes.enricher.map((lane) =>
        createEnricherStage(lane, topics.enriched, userService, unsubscribes, erased, (known) =>
          rememberAddresses(db, config.secret, known),
        ),
      ),
    };
  });
}
