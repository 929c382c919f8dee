// The JSON lines of the services, made readable on a terminal: time, level, service, message, and what belongs to it.
import { styleText } from 'node:util';

type Color = 'cyan' | 'magenta' | 'blue' | 'green' | 'yellow';
const colors: readonly Color[] = ['cyan', 'magenta', 'blue', 'green', 'yellow'];
const nameWidth = 10;
// Said already by the line itself, or of no use to a reader.
const hiddenFields = new Set(['level', 'time', 'service', 'msg', 'pid', 'hostname', 'err']);
const maxValueLength = 120;

/** A line that is not JSON (a crash, a warning of Node's) is kept as it is, behind the service's name. */
export function formatLogLine(line: string, service: string, colorIndex: number | undefined): string {
  const paint = colorIndex === undefined ? plain : styleText;
  const color = colors[(colorIndex ?? 0) % colors.length] ?? 'cyan';
  const prefix = paint(color, service.padEnd(nameWidth));
  const record = parse(line);
  if (!record) return `${prefix} ${line}`;

  const level = String(record.level ?? 'info');
  const time = typeof record.time === 'string' ? (/T(\d\d:\d\d:\d\d\.\d{3})/.exec(record.time)?.[1] ?? '') : '';
  const fields = Object.entries(record)
    .filter(([name]) => !hiddenFields.has(name))
    .map(([name, value]) => `${name}=${shorten(value)}`);
  const message = `${record.msg ?? ''}`.trimEnd();
  const extra = fields.length > 0 ? ` ${paint('dim', fields.join(' '))}` : '';
  return `${paint('dim', time)} ${prefix} ${paintLevel(level, paint)} ${message}${extra}${formatError(record.err, message)}`;
}

type Paint = (format: Color | 'red' | 'dim' | 'white', text: string) => string;
const plain: Paint = (_format, text) => text;

function paintLevel(level: string, paint: Paint): string {
  const text = level.toUpperCase().padEnd(5);
  if (level === 'error' || level === 'fatal') return paint('red', text);
  return paint(level === 'warn' ? 'yellow' : 'dim', text);
}

function parse(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

function shorten(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > maxValueLength ? `${text.slice(0, maxValueLength)}…` : text;
}

/** The stack where there is one, for it names the place; it begins with the message. */
function formatError(err: unknown, message: string): string {
  if (typeof err !== 'object' || err === null) return '';
  const { stack, message: text } = err as { stack?: unknown; message?: unknown };
  const body = typeof stack === 'string' ? stack : typeof text === 'string' ? text : JSON.stringify(err);
  if (body === message) return '';
  return `\n${body.replace(/^/gm, '    ')}`;
}
