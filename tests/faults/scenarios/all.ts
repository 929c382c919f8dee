// Every fault run there is, in the order of the table.
import type { Scenario } from '../harness/scenario.ts';
import { killServices } from './f01-kill-services.ts';
import { killDispatcherExactly } from './f02-kill-dispatcher-exactly.ts';
import { freeze } from './f03-freeze.ts';
import { rollingRestart } from './f04-rolling-restart.ts';
import { kafkaGoes } from './f05-kafka.ts';
import { postgresGoes } from './f06-postgres.ts';
import { registryAndUserService } from './f07-registry-and-user-service.ts';
import { mailServerLies } from './f08-mail-server.ts';
import { scaling } from './f09-scaling.ts';
import { poison } from './f10-poison.ts';
import { duplicates } from './f11-duplicates.ts';
import { loseCommits } from './f12-lost-commit.ts';
import { badRelease } from './f13-bad-release.ts';
import { poisonedRecipients } from './f14-poisoned-recipients.ts';
import { refusesEverybody } from './f15-refuses-everybody.ts';
import { clockJumps } from './f16-clock-jumps.ts';
import { sideBySide } from './side-by-side.ts';

export const scenarios: readonly Scenario[] = [
  killServices,
  killDispatcherExactly,
  freeze,
  rollingRestart,
  kafkaGoes,
  postgresGoes,
  registryAndUserService,
  mailServerLies,
  scaling,
  poison,
  duplicates,
  loseCommits,
  badRelease,
  poisonedRecipients,
  refusesEverybody,
  clockJumps,
  sideBySide,
];
