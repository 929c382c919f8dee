// Kind `common`: the person's name and nothing more. The name is in every record, so there is nothing to collect.
import type { Collector } from './collector.ts';

export const common: Collector = {
  kind: 'common',
  title: 'Name only',
  variables: [],
  collect: () => ({}),
};
