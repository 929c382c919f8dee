// The demo templates of Lumen, a film service that does not exist. Their texts stand beside in templates/.
import { readFile } from 'node:fs/promises';
import type { Channel } from '../../domain/ids.ts';
import type { OnNoAnswer } from '../../lib/db/tables.ts';

export interface DemoTemplate {
  templateId: string;
  title: string;
  kind: string;
  channel: Channel;
  isPromo: boolean;
  onNoAnswer: OnNoAnswer;
  subject: string;
  html: string | null;
  text: string | null;
  fromName: string | null;
}

export async function readDemoTemplates(): Promise<DemoTemplate[]> {
  return [
    {
      templateId: 'welcome',
      title: 'Welcome',
      kind: 'common',
      channel: 'email',
      isPromo: false,
      onNoAnswer: 'resend',
      subject: 'Welcome to Lumen{% if first_name != blank %}, {{ first_name }}{% endif %}',
      html: await readText('welcome.html'),
      text: await readText('welcome.txt'),
      fromName: 'Lumen',
    },
    {
      templateId: 'monthly-statistics',
      title: 'Your month in films',
      kind: 'monthly_personal_statistic',
      channel: 'email',
      isPromo: true,
      onNoAnswer: 'park',
      subject:
        '{% if films_month_count == 1 %}One film{% elsif films_month_count > 1 %}{{ films_month_count }} films{% else %}Your month{% endif %} at Lumen',
      html: await readText('monthly-statistics.html'),
      text: null,
      fromName: 'Lumen',
    },
    {
      templateId: 'new-episode',
      title: 'A new episode is out',
      kind: 'common',
      channel: 'sms',
      isPromo: false,
      onNoAnswer: 'resend',
      subject: '',
      html: null,
      text: await readText('new-episode.txt'),
      fromName: null,
    },
  ];
}

function readText(name: string): Promise<string> {
  return readFile(new URL(`./templates/${name}.liquid`, import.meta.url), 'utf8');
}
