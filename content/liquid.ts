// The template engine, shut in: no files, no includes, own properties only, every limit of limits.ts. Two of them,
// because HTML escapes what it writes and plain text does not.
import { analyzeSync, Context, Liquid, LiquidError, type Template } from 'liquidjs';
import { PermanentError } from '../lib/errors.ts';
import { registerFilters, registerHtml } from './filters.ts';
import { countGraphemes, toGraphemes } from './graphemes.ts';
import {
  createAllocationLimit,
  createStepLimit,
  LengthLimitError,
  type LimitedOutput,
  maxSourceChars,
} from './limits.ts';
import { escapeValue, renderNodes, runToEnd } from './render-nodes.ts';
import { type Escaped, writeValue } from './written-value.ts';

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
export function renderPart<Output extends LimitedOutput>(
  part: ParsedPart,
  variables: Record<string, unknown>,
  output: Output,
): Output {
  const engine = engineFor(part.format);
  const limits = { memoryLimit: createAllocationLimit(), renderLimit: createStepLimit(), liquid: engine };
  const context = new CharacterContext(variables, engine.options, { sync: true }, limits);
  try {
    runToEnd(renderNodes(part.nodes, context, output));
    return output;
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
    // The outputs of limits.ts and text-part.ts take what it makes.
    outputEscape: format === 'html' ? (writeEscaped as (value: unknown) => string) : writeValue,
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
  registerFilters(engine);
  if (format === 'html') registerHtml(engine);
  return engine;
}

function writeEscaped(this: { context: Context }, value: unknown): Escaped | string {
  const written = escapeValue(value);
  this.context.memoryLimit.use(writeValue(written).length);
  return written;
}

/** A text's characters are those that readers see; LiquidJS's are halves of some. */
class CharacterContext extends Context {
  override readProperty(from: unknown, key: unknown): unknown {
    if (typeof from === 'string') {
      if (typeof key === 'number') return toGraphemes(from).at(key);
      if (key === 'size') return countGraphemes(from);
    }
    return super.readProperty(from as never, key as never);
  }
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
