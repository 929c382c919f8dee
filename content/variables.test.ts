import { describe, expect, it } from 'vitest';
import { findCollector, kinds, variablesOf } from './kinds.ts';
import { toVariables } from './variables.ts';

const person = { collected: '{}', context: '{}', firstName: 'Ada', lastName: 'Lovelace' };

describe('toVariables', () => {
  it('lets the context win over what was collected, and the name over both', () => {
    expect(
      toVariables({
        ...person,
        collected: '{"films_month_count":7,"favourite_genre":"drama","first_name":"C"}',
        context: '{"favourite_genre":"noir","last_name":"X","month":"May"}',
      }),
    ).toEqual({
      films_month_count: 7,
      favourite_genre: 'noir',
      month: 'May',
      first_name: 'Ada',
      last_name: 'Lovelace',
    });
  });

  it('gives each person an object of their own, although they share a context', () => {
    const context = '{"n":1}';
    const first = toVariables({ ...person, context });
    first.n = 2;
    expect(toVariables({ ...person, context })).toMatchObject({ n: 1 });
  });

  it('takes a key __proto__ for nothing special', () => {
    const variables = toVariables({ ...person, context: '{"__proto__":{"polluted":1}}' });
    expect(Object.getPrototypeOf(variables)).toBe(Object.prototype);
    expect(variables.polluted).toBeUndefined();
  });

  it.each(['[]', 'null', '1', '"x"', '{', ''])('refuses the context %j', (context) => {
    expect(() => toVariables({ ...person, context })).toThrowError(
      expect.objectContaining({ code: 'template_error', message: expect.stringMatching(/^context: /) }),
    );
  });
});

describe('kinds', () => {
  const user = {
    id: 'u',
    first_name: 'Ada',
    last_name: 'Lovelace',
    email: null,
    phone: null,
    promo_agree: true,
    films_month_count: 3,
    favourite_genre: 'drama',
  };

  it('gathers films and genre for the monthly statistic, and nothing for common', () => {
    expect(findCollector('monthly_personal_statistic')?.collect(user)).toEqual({
      films_month_count: 3,
      favourite_genre: 'drama',
    });
    expect(findCollector('common')?.collect(user)).toEqual({});
    expect(findCollector('horoscope')).toBeUndefined();
  });

  it.each([...kinds.values()])(
    'describes exactly the variables that $kind gathers, besides the name and the link to unsubscribe',
    (collector) => {
      expect(variablesOf(collector).map((variable) => variable.name)).toEqual([
        'first_name',
        'last_name',
        ...Object.keys(collector.collect(user)),
        'unsubscribe_url',
      ]);
    },
  );
});
