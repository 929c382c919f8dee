// Every fault run there is, in the order of the table.
import type { Scenario } from '../harness/scenario.ts';
import { killServices } from './f01-kill-services.ts';

export const scenarios: readonly Scenario[] = [killServices];
