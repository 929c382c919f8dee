import fc from 'fast-check';
import { expect, it } from 'vitest';
import { createShortNames } from './slug.ts';

const slugOf = (title: string, pk = 7) => createShortNames([]).take(title, pk);

it.each([
  ['Добро пожаловать', 'dobro-pozhalovat'],
  ['Ежемесячная статистика просмотров', 'ezhemesyachnaya-statistika-prosmotrov'],
  ['«Всё лучшее — детям!»', 'vsyo-luchshee-detyam'],
  ['Объём, щука и йод', 'obyom-shchuka-i-yod'],
  // й as a letter and a mark of its own, as macOS writes it.
  ['и\u0306од', 'yod'],
  ['Її зірка', 'yiyi-zirka'],
  ['Café Größe №1', 'cafe-grosse-1'],
  ['Welcome!', 'welcome'],
  ['  --- a  ', 'a'],
])('writes %j as %j', (title, slug) => {
  expect(slugOf(title)).toBe(slug);
});

it.each(['2023', '№ 5', '', '***', '東京', '12-31'])(
  'names %j by its number, for it would read as none or as another',
  (title) => {
    expect(slugOf(title, 31)).toBe('template-31');
  },
);

it('cuts a long title between words, and one long word anywhere', () => {
  const slug = slugOf('Напоминание о продлении подписки для тех, кто давно не заходил к нам в гости');
  expect(slug).toBe('napominanie-o-prodlenii-podpiski-dlya-tekh-kto-davno-ne-zakhodil');
  expect(slugOf('ы'.repeat(200))).toBe('y'.repeat(64));
});

it('gives nobody a name that is in use, and numbers the others', () => {
  const names = createShortNames(['novaya-seriya', 'novaya-seriya-3']);
  const taken = [1, 2, 3].map((pk) => names.take('Новая серия', pk));
  expect(taken).toEqual(['novaya-seriya-2', 'novaya-seriya-4', 'novaya-seriya-5']);
});

it('names a hundred thousand templates of one title in a moment', () => {
  const names = createShortNames([]);
  const taken = new Set(Array.from({ length: 100_000 }, (_, index) => names.take('ы'.repeat(80), index + 1)));
  expect(taken.size).toBe(100_000);
});

it('gives every title a name that the database takes, and none twice', () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string({ unit: 'grapheme' }), fc.constantFrom('Тест', 'test-2', 'test'))),
      (titles) => {
        const names = createShortNames(['test']);
        const taken = titles.map((title, index) => names.take(title, index + 1));
        expect(new Set(taken).size).toBe(titles.length);
        for (const name of taken) {
          expect(name).toMatch(/^[a-z0-9][a-z0-9-]{0,63}$/);
          expect(name).toMatch(/[a-z]/);
          expect(name).not.toBe('test');
        }
      },
    ),
  );
});
