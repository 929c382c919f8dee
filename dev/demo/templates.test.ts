import { describe, expect, it } from 'vitest';
import { findCollector } from '../../content/kinds.ts';
import { toMime } from '../../content/mime.ts';
import { renderMessage } from '../../content/render.ts';
import type { TemplateVersion } from '../../content/template.ts';
import { readDemoTemplates } from './templates.ts';

const demos = await readDemoTemplates();
const find = (templateId: string): TemplateVersion => {
  const demo = demos.find((one) => one.templateId === templateId);
  if (!demo) throw new Error(`no demo template ${templateId}`);
  return { ...demo, version: 1, replyTo: null };
};
const statistics = (films_month_count: number) =>
  renderMessage(find('monthly-statistics'), { first_name: 'Zoë', films_month_count, favourite_genre: 'film noir' });

describe('the demo templates', () => {
  it.each(demos)('$templateId has a kind that exists, and renders with nothing but a name', (demo) => {
    expect(findCollector(demo.kind)).toBeDefined();
    const message = renderMessage({ ...demo, version: 1, replyTo: null }, { first_name: 'Zoë', last_name: 'Müller' });
    expect(message.text).toMatch(/Lumen/i);
    expect(message.text).not.toMatch(/[{}]|undefined|null/);
    expect(message.subject === '').toBe(demo.channel === 'sms');
    expect(message.html === null).toBe(demo.channel === 'sms');
  });

  it('speak of the number of films as people do', () => {
    expect([0, 1, 12].map((films) => statistics(films).subject)).toEqual([
      'Your month at Lumen',
      'One film at Lumen',
      '12 films at Lumen',
    ]);
    expect(statistics(12).text).toContain('12\nfilms, mostly film noir');
    expect(statistics(1).text).toContain('1\nfilm, well chosen');
    expect(statistics(0).text).toContain('the screen stayed dark');
  });

  it('tell what is new, where the request says so', () => {
    const context = { series_title: 'The Long Interval', episode: 'Reel 4', watch_url: 'https://lumen.example/w/4' };
    expect(renderMessage(find('new-episode'), { first_name: 'Zoë', ...context }).text).toBe(
      'Lumen: Zoë, The Long Interval has a new episode: Reel 4. https://lumen.example/w/4',
    );
  });

  it('are mails of a size that nobody cuts off', () => {
    for (const templateId of ['welcome', 'monthly-statistics']) {
      const message = renderMessage(find(templateId), {
        first_name: 'Zoë',
        films_month_count: 12,
        favourite_genre: 'drama',
      });
      const mail = toMime(
        {
          ...message,
          notification_id: 'n',
          request_id: 'r',
          address: 'z@example.com',
          from_name: 'Lumen',
          reply_to: null,
          rendered_at: 0,
        },
        { mailFrom: 'no-reply@example.com', mailDomain: 'example.com' },
      );
      expect(mail.length).toBeLessThan(8_000);
    }
  });
});
