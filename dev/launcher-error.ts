// A fault at start that a person can mend: its message is one sentence, shown without a stack.
import { PosthornError } from '../lib/errors.ts';

export type LauncherErrorCode =
  | 'port_taken'
  | 'folder_in_use'
  | 'not_fetched'
  | 'start_failed'
  | 'settings_invalid'
  | 'step_failed';

export class LauncherError extends PosthornError {
  constructor(code: LauncherErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(code, message, options);
  }
}
