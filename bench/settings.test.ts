import { describe, expect, it } from 'vitest';
import { figureNames, readSettings } from './settings.ts';

describe('the settings of the bench', () => {
  it('measures everything with 20,000 people when nothing is said', () => {
    expect(readSettings([])).toMatchObject({ figures: figureNames, peopleCount: 20_000, variables: {} });
  });

  it('takes chosen figures in its own order, and variables with whatever value', () => {
    const settings = readSettings(['--only', 'latency', '--only', 'idle', '--set', 'A=b=c', '--people', '500']);
    expect(settings).toMatchObject({ figures: ['idle', 'latency'], variables: { A: 'b=c' }, peopleCount: 500 });
  });

  it.each([
    [['--only', 'speed'], /no figure speed/],
    [['--people', 'many'], /--people must be a whole number/],
    [['--rounds', '0'], /--rounds must be/],
    [['--set', 'concurrency 4'], /NAME=value/],
    [['--fast'], /There is no --fast/],
  ])('refuses %j', (args, message) => {
    expect(() => readSettings(args)).toThrow(message);
  });
});
