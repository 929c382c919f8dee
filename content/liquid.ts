// The template engine, shut in: no files, no includes, own properties only, every limit of limits.ts. Two of them,
// because HTML escapes what it writes and plain text does not.
import { analyzeSync, Context, Liquid, LiquidError, type Template } from 'liquidjs';
import { PermanentError } from '../lib/errors.ts';
import { createAllocationLimit, createStepLimit, LengthLimitError, LimitedOutput, maxSourceChars } from './limits.ts';
import { toSafeUrl } from './links.ts';
import { renderNodes, runToEnd } from './render-nodes.ts';

export type Format = 'html' | 'text';
/** Part of a message that has its own template; errors name it. */
export type PartName = 'subject' | 'html' | 'text';

export interface ParsedPart {
  name: PartName;
  format: Format;
  nodes: Template[];
}

/** Where a part reads a variable of the top level that it has not made itself by then. From 1, as editors count. */
export interface VariableUse {
  name: string;
  line: number;
  column: number;
}

const engines: Partial<Record<Format, Liquid>> = {};

/** @throws PermanentError('template_error') with part, line and column */
export function parsePart(name: PartName, format: Format, source: string): ParsedPart {
  if (source.length > maxSourceChars) {
    throw new PermanentError('template_error', `${name}: it is longer than ${maxSourceChars} characters`);
  }
  try {
    return { name, format, nodes: engineFor(format).parse(source) };
  } catch (error) {
    throw toPartError(name, error);
  }
}

/**
 * Fills in one part.
 * @param variables the top level of what the template sees; `increment` and `decrement` write to it, so pass one of its own
 * @throws PermanentError('template_error' | 'render_limit') with part, line and column
 */
export function renderPart(part: ParsedPart, variables: Record<string, unknown>, maxChars: number): string {
  const engine = engineFor(part.format);
  const limits = { memoryLimit: createAllocationLimit(), renderLimit: createStepLimit(), liquid: engine };
  const context = new Context(variables, engine.options, { sync: true }, limits);
  const output = new LimitedOutput(maxChars);
  try {
    runToEnd(renderNodes(part.nodes, context, output));
    return output.buffer;
  } catch (error) {
    throw toPartError(part.name, error);
  }
}

/**
 * What a part expects to be given, in the order of the text: what `assign`, `capture`, `for` and the like make is known
 * from there on.
 * @throws PermanentError('render_limit') for tags within tags beyond what can be walked through
 */
export function findVariables(part: ParsedPart): VariableUse[] {
  try {
    const { globals } = analyzeSync(part.nodes, { partials: false });
    return Object.entries(globals)
      .flatMap(([name, uses]) => uses.map(({ location }) => ({ name, line: location.row, column: location.col })))
      .sort((a, b) => a.line - b.line || a.column - b.column);
  } catch (error) {
    throw toPartError(part.name, error);
  }
}

function engineFor(format: Format): Liquid {
  engines[format] ??= createEngine(format);
  return engines[format];
}

function createEngine(format: Format): Liquid {
  const engine = new Liquid({
    ...(format === 'html' ? { outputEscape: 'escape' as const } : {}),
    ownPropertyOnly: true,
    strictFilters: true,
    // A variable that the context lacks is written as nothing: templates use `default` and `if` for it.
    strictVariables: false,
    // In place of the file system: nothing.
    templates: {},
    relativeReference: false,
    parseLimit: maxSourceChars,
    // Dates come out the same whatever machine renders them.
    timezoneOffset: 0,
    locale: 'en-US',
  });
  engine.renderer.renderTemplates = renderNodes;
  for (const tag of ['include', 'render', 'layout', 'block']) delete engine.tags[tag];
  engine.registerFilter('url', (value: unknown) => toSafeUrl(String(value ?? '')));
  if (format === 'html') registerEscaped(engine);
  return engine;
}

/** Filters whose result is HTML already: written as it is, where escaping it again would show its entities. */
function registerEscaped(engine: Liquid): void {
  const escapeAll = engine.filters.escape as (this: unknown, value: unknown) => string;
  const escapeOnce = engine.filters.escape_once as (this: unknown, value: unknown) => string;
  engine.registerFilter('escape', { handler: escapeAll, raw: true });
  engine.registerFilter('xml_escape', { handler: escapeAll, raw: true });
  engine.registerFilter('escape_once', { handler: escapeOnce, raw: true });
  engine.registerFilter('newline_to_br', {
    handler(this: unknown, value: unknown) {
      return escapeAll.call(this, value).replace(/\r?\n/g, '<br>\n');
    },
    raw: true,
  });
}

/** A limit keeps its code; a stack or string that grew beyond what JavaScript can hold is one as well. */
function toPartError(name: PartName, error: unknown): PermanentError {
  const origin = findOrigin(error);
  const code =
    origin instanceof PermanentError ? origin.code : origin instanceof RangeError ? 'render_limit' : undefined;
  const message = `${name} ${describePlace(error)}${firstLine(origin instanceof Error ? origin.message : String(origin))}`;
  if (origin instanceof LengthLimitError) return new LengthLimitError(message, { cause: error });
  return new PermanentError(code ?? 'template_error', message, { cause: error });
}

function findOrigin(error: unknown): unknown {
  let origin = error;
  while (LiquidError.is(origin) && origin.originalError) origin = origin.originalError;
  return origin;
}

function describePlace(error: unknown): string {
  if (!LiquidError.is(error)) return '';
  const [line, column] = error.token.getPosition();
  return `line ${line}, column ${column}: `;
}

function firstLine(message: string): string {
  // LiquidJS writes the place behind the message of what it finds while cutting a source into tokens.
  return (message.split('\n', 1)[0] ?? '').replace(/, line:\d+, col:\d+$/, '').slice(0, 300);
}
