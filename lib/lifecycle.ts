// A service's life as a process: start, run until told to stop or until it cannot go on, stop in order, exit code.
import { findClearLogIns } from './clear-log-ins.ts';
import type { Environment } from './config.ts';
import { ConfigError, describeError } from './errors.ts';
import { createLogger, type Logger } from './logger.ts';

export interface Running {
  stop(): Promise<void>;
}

export interface ServiceContext {
  logger: Logger;
  /** The service cannot go on: it is stopped and the process exits 1, for its supervisor to start a new one. */
  fail(error: Error): void;
}

/** Longer than a slice may take, shorter than what supervisors wait before they kill. */
const stopLimitMs = 15_000;

/**
 * Runs one service as this process: SIGINT and SIGTERM stop it cleanly (exit 0), an error that it cannot handle ends
 * it (exit 1), wrong settings end it before anything is started (exit 2).
 */
export async function runService(
  name: string,
  env: Environment,
  start: (env: Environment, context: ServiceContext) => Running | Promise<Running>,
): Promise<void> {
  const logger = createLogger({ service: name, level: env.LOG_LEVEL || 'info' });
  let running: Running | undefined;
  let ending = false;

  const end = async (exitCode: number): Promise<void> => {
    if (ending) return;
    ending = true;
    const limit = setTimeout(() => {
      logger.error('stopping took too long, leaving now');
      process.exit(1);
    }, stopLimitMs);
    limit.unref();
    try {
      await running?.stop();
      logger.info('stopped');
    } catch (error) {
      logger.error({ err: error }, 'could not stop cleanly');
      exitCode = 1;
    }
    process.exit(exitCode);
  };
  const fail = (error: unknown): void => {
    logger.fatal({ err: error }, `cannot go on: ${describeError(error)}`);
    void end(1);
  };

  process.on('uncaughtException', fail);
  process.on('unhandledRejection', fail);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      logger.info(`stopping on ${signal}`);
      void end(0);
    });
  }

  for (const sentence of findClearLogIns(name, env)) logger.warn(sentence);
  try {
    running = await start(env, { logger, fail });
  } catch (error) {
    if (error instanceof ConfigError) {
      logger.fatal(error.message);
      process.exit(2);
    }
    fail(error);
  }
}
