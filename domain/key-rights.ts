// Whose requests an API key may read and cancel. Pure.

export type ApiKeyScope = 'send' | 'read' | 'cancel' | 'feedback' | 'admin';

/** What each scope is for, in a few words for people. */
export const scopeTitles: Readonly<Record<ApiKeyScope, string>> = {
  send: 'post requests',
  read: 'ask for its own requests and their notifications',
  cancel: 'cancel its own requests',
  feedback: 'report bounces and complaints',
  admin: 'everything, also with requests of others',
};

/** Of a key that somebody makes without a word about scopes. */
export const defaultScopes: readonly ApiKeyScope[] = ['send', 'read'];
/** Of the first key, which `posthorn setup` makes. */
export const firstKeyScopes: readonly ApiKeyScope[] = ['send', 'read', 'cancel', 'feedback'];

/** Who asked for a request. */
export type RequestOwner = { kind: 'key'; apiKeyId: string } | { kind: 'topic' } | { kind: 'panel' };

/** @returns why not, undefined when it may */
export function findRightsFault(
  key: { apiKeyId: string; scopes: ReadonlySet<ApiKeyScope> },
  owner: RequestOwner,
  what: 'read' | 'cancel',
): string | undefined {
  if (key.scopes.has('admin')) return undefined;
  switch (owner.kind) {
    case 'key':
      return owner.apiKeyId === key.apiKeyId
        ? undefined
        : `Another API key made this request. To ${what} it, ${needed}.`;
    case 'topic':
      // Nobody knows who wrote the record. Whoever names its id has it from there.
      return what === 'read' ? undefined : `This request came by a topic. To cancel it, ${needed}.`;
    case 'panel':
      return `This is a mailing of the admin pages. To ${what} it, ${needed}.`;
  }
}

const needed = 'use a key with the scope "admin"';
