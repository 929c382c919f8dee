// JSON log lines with fixed field names: service, stage, priority, requestId, notificationId, err. Never bodies,
// addresses or keys.
import { type Logger, pino, stdSerializers } from 'pino';

export type { Logger } from 'pino';

export function createLogger(options: { service: string; level?: string }): Logger {
  return pino(
    {
      level: options.level ?? 'info',
      base: { service: options.service },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: stdSerializers.errWithCause },
    },
    // Written at once: buffered, the last lines before an exit come out of order, and with a closed stdout the exit hangs.
    pino.destination({ dest: 1, sync: true }),
  );
}
