// JSON log lines with fixed field names: service, stage, priority, requestId, notificationId, err. Never bodies,
// addresses or keys.
import { type Logger, pino, stdSerializers } from 'pino';

export type { Logger } from 'pino';

export function createLogger(options: { service: string; level?: string }): Logger {
  return pino({
    level: options.level ?? 'info',
    base: { service: options.service },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    serializers: { err: stdSerializers.errWithCause },
  });
}
