// Holds as pages show them: in a banner over what they keep back, and on a page of their own. Pure.
import { authorKind, describeTarget } from '../../domain/holds.ts';
import type { ActiveHold } from '../../lib/holds/list-holds.ts';

export interface ShownHold extends ActiveHold {
  /** What it keeps back, at the beginning of a sentence. */
  what: string;
  /** Who placed it, at the end of one. */
  by: string;
  /** It covers the request or mailing of this page alone. */
  isOwn: boolean;
  /** The page of what it covers, on pages of other things. */
  href?: string;
}

export function toShownHold(hold: ActiveHold): ShownHold {
  const what = hold.scope === 'request' ? 'this request' : describeTarget(hold);
  return {
    ...hold,
    what: `${what.charAt(0).toUpperCase()}${what.slice(1)}`,
    by: toAuthorWords(hold.author),
    isOwn: hold.scope === 'request',
  };
}

/** The hold of a request or mailing, on a page of something else. */
export function toShownPause(pause: ActiveHold & { title: string }): ShownHold {
  const what = pause.title || `request ${pause.id}`;
  return { ...toShownHold(pause), what, isOwn: false, href: `/mailings/${pause.id}` };
}

export function toAuthorWords(author: string): string {
  switch (authorKind(author)) {
    case 'guard':
      return 'the guard';
    case 'command':
      return `${author.slice('cli:'.length)} (command line)`;
    case 'person':
      return author || 'the API';
  }
}
