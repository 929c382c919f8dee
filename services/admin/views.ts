// The pages' templates: Liquid files in views/, escaped by default, inside views/layout.liquid. No data of a page is ever
// treated as a template.
import { join } from 'node:path';
import { Liquid } from 'liquidjs';
import { registerViewFilters } from './view-filters.ts';

export interface Views {
  /** @param name of a file in views/, without its ending */
  render(name: string, data: Record<string, unknown>): Promise<string>;
}

export function createViews(): Views {
  const engine = new Liquid({
    root: join(import.meta.dirname, 'views'),
    extname: '.liquid',
    outputEscape: 'escape',
    ownPropertyOnly: true,
    strictFilters: true,
    strictVariables: false,
    cache: true,
    timezoneOffset: 0,
  });
  registerViewFilters(engine);
  return { render: (name, data) => engine.renderFile(name, data) };
}
