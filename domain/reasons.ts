// The closed list of reasons why a notification ended, or waits, as it does. In plain words in
// domain/reason-words.ts and docs/glossary.md.

export const reasons = {
  sent: [''],
  skipped: ['no_consent', 'unsubscribed', 'suppressed', 'no_address', 'unknown_user', 'expired', 'cancelled'],
  failed: [
    'template_error',
    'render_limit',
    'invalid_address',
    'bad_user_data',
    'refused',
    'retries_exhausted',
    'too_large',
    'dead_lettered',
    'lost',
  ],
  unknown: ['no_answer'],
  deferred: ['greylisted', 'busy', 'no_connection'],
} as const;

export type EndState = 'sent' | 'failed' | 'skipped' | 'unknown';
export type Reason<S extends keyof typeof reasons = keyof typeof reasons> = (typeof reasons)[S][number];
