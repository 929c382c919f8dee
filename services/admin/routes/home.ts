// / : the overview.
import { page } from '../page.ts';
import type { AdminApp, Parts } from '../parts.ts';

export function home(app: AdminApp, parts: Parts): void {
  app.get('/', (c) => page(c, parts, 'home', { title: 'Overview' }));
}
