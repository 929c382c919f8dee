// Mailings of the demo, as drafts: nothing of them is sent until a person confirms one in the admin pages.
import type { Insertable } from 'kysely';
import type { Db } from '../../lib/db/database.ts';
import type { MailingsTable } from '../../lib/db/tables.ts';

const drafts: readonly Insertable<MailingsTable>[] = [
  {
    mailing_id: '5d0c6c1e-0001-4000-8000-00000000d3a0',
    title: 'Your month in films, to our VIPs',
    template_id: 'monthly-statistics',
    is_promo: true,
    user_categories: ['vip'],
  },
  {
    mailing_id: '5d0c6c1e-0002-4000-8000-00000000d3a0',
    title: 'Your month in films, every first of the month',
    template_id: 'monthly-statistics',
    is_promo: true,
    user_categories: ['active'],
    recurrence: '0 9 1 * *',
    time_zone: 'Europe/Berlin',
    expires_after_minutes: 3 * 24 * 60,
  },
  {
    mailing_id: '5d0c6c1e-0003-4000-8000-00000000d3a0',
    title: 'The Lighthouse Keepers: a new episode',
    template_id: 'new-episode',
    priority: 'medium',
    context: JSON.stringify({
      series_title: 'The Lighthouse Keepers',
      episode: 'Low Water',
      watch_url: 'https://lumen.example/low-water',
    }),
    user_categories: ['staff'],
  },
];

/** Run again, it changes nothing. @returns how many were new */
export async function loadDemoMailings(db: Db): Promise<number> {
  const added = await db
    .insertInto('mailings')
    .values(drafts.map((draft) => ({ ...draft, created_by: 'demo' })))
    .onConflict((conflict) => conflict.doNothing())
    .returning('mailing_id')
    .execute();
  return added.length;
}
