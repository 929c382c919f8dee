// The kinds of error that the stage runtime tells apart. Anything else that is thrown is a bug.

/** The outside parts that can be down. While one is, its lanes wait: nothing is consumed and nothing is judged. */
export type Dependency = 'kafka' | 'registry' | 'postgres' | 'user-service' | 'mail-server' | 'sms-gateway';

interface Options {
  cause?: unknown;
}

/** Every error that Posthorn throws on purpose. `code` is from a closed list and fit for tests and metrics. */
export class PosthornError extends Error {
  readonly code: string;
  constructor(code: string, message: string, options: Options = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.name = new.target.name;
    this.code = code;
  }
}

/** This record can never be handled: it goes to the dead letters and its people end as failed(dead_lettered). */
export class PermanentError extends PosthornError {}

/** This record may be handled in a moment: a few tries, then as permanent. */
export class TransientError extends PosthornError {}

/** The outside part is down for every record: the lane pauses, backs off and says not ready. */
export class DependencyError extends PosthornError {
  readonly dependency: Dependency;
  constructor(dependency: Dependency, message: string, options: Options = {}) {
    super(`${dependency}_down`, message, options);
    this.dependency = dependency;
  }
}

/** The settings are wrong: `faults` names every one, so that they are mended in one go. */
export class ConfigError extends PosthornError {
  readonly faults: readonly string[];
  constructor(faults: readonly string[]) {
    super('config_invalid', `The settings are not usable:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.faults = faults;
  }
}

/** The message of anything that was thrown, with its causes, on one line. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const own =
    error instanceof AggregateError && !error.message ? error.errors.map(describeError).join('; ') : error.message;
  const cause = error.cause === undefined ? '' : describeError(error.cause);
  // Many a wrapper repeats its cause's message; once is enough.
  return own.includes(cause) ? own : `${own}: ${cause}`;
}
