// Kind `monthly_personal_statistic`: what the person watched this month.
import type { Collector } from './collector.ts';

export const monthlyPersonalStatistic: Collector = {
  kind: 'monthly_personal_statistic',
  title: 'Monthly personal statistic',
  variables: [
    { name: 'films_month_count', description: 'Films watched this month, a whole number from 0', example: 12 },
    { name: 'favourite_genre', description: 'The genre watched most', example: 'science fiction' },
  ],
  collect: (user) => ({ films_month_count: user.films_month_count, favourite_genre: user.favourite_genre }),
};
