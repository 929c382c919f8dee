import { describe, expect, it } from 'vitest';
import { excessOfSize } from '../tests/support/processor-time.ts';
import { findWarnings } from './template-warnings.ts';

const warn = (source: string) => findWarnings('html', source);

describe('a warning', () => {
  it.each([
    '*|FNAME|*',
    '*|LIST:COMPANY|*',
    '%%FirstName%%',
    '%%=v(@name)=%%',
    '%recipient.name%',
    '%unsubscribe_url%',
    '%FIRSTNAME%',
    '[[firstname]]',
    '{$name}',
    '[unsubscribe]',
    '[Unsubscribe_Link]',
    '[firstname,fallback=friend]',
    '[EMAIL]',
    '<unsubscribe>',
    '<%name%>',
    '&lt;%name%&gt;',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: such a mark is what is looked for.
    '${name}',
    '#{name}',
    '{FIRSTNAME}',
    '##name##',
    '@@name@@',
    '__NAME__',
    '{{> footer',
  ])('is given of %s, a mark of another system, with its place', (mark) => {
    expect(warn(`<p>\n {{ a }} ${mark.startsWith('{{') ? `${mark} }}` : mark}</p>`)).toEqual([
      { part: 'html', line: 2, column: 10, detail: expect.stringContaining(`“${mark}” looks like a mark of`) },
    ]);
  });

  it.each([
    '{{ first_name }} {% if a %}{% endif %} {{ a["b"] }} {{ "*|x|*" }}',
    '{% comment %} *|NAME|* [unsubscribe] {% endcomment %}',
    '<style>p{color:red} @media (x){a{b:c}} .x{}</style>',
    'https://a.example/?q=%E2%80%9CABC%E2%80%9D&b=100%25',
    '<table width="100%"><td width="50%">5 * 3 | 2 * 4</td>',
    '[1] [a] [if !mso] [endif] <!--[if mso]><![endif]-->',
    'a_b __init mail@@x {"json": 1} {a b}',
    'save 20% on 30% of_all',
    '{{ "2026-12-31" | date: "%d", "America/New_York" }}{{ "now" | date: "%Y", "UTC" }}{{ d | date: "%Y", "-60" }}',
  ])('is not given of %s', (source) => {
    expect(warn(source)).toEqual([]);
  });

  it.each([
    ['{{ "03/04/2026" | date: "%d.%m.%Y" }}', '“03/04/2026” is no date, or could be read as two'],
    ["{{ '2026-02-30' | date: '%d' }}", '“2026-02-30” is no date'],
    ['{{ "32.01.2026" | date }}', '“32.01.2026” is no date'],
    ['{{ d | date: "%H:%M", "BST" }}', '“BST” is no time zone'],
    ['{{ d | date: "%H:%M", "Europe/Nowhere" }}', '“Europe/Nowhere” is no time zone'],
  ])('is given of %s', (source, detail) => {
    expect(warn(source)).toEqual([
      { part: 'html', line: 1, column: expect.any(Number), detail: expect.stringContaining(detail) },
    ]);
  });

  it.each([
    '*|',
    '%%',
    '%a_',
    '[[a',
    '<%',
    '{$a',
    '${a',
    '[unsubscribe',
    '<unsubscribe ',
    '##a',
    '"a" | date: ',
    '{{>',
    '{{ ',
    '{% comment %}',
  ])('is sought in many %s in a time that grows no faster than the source', async (piece) => {
    const count = Math.floor(200_000 / piece.length);
    expect(await excessOfSize(count, (size) => findWarnings('text', piece.repeat(size)))).toBeLessThan(4);
  });
});
