// How LiquidJS walks through a parsed template, in place of its own loop: it counts steps where that one reads the clock,
// counts what captures make, and is faster, for half of a rendering's time is spent here. Also the values that are there only
// while a template is filled in.
import {
  CaptureTag,
  type Context,
  Drop,
  type Emitter,
  LiquidError,
  RenderError,
  type Template,
  TokenKind,
} from 'liquidjs';
import { CountedOutput } from './limits.ts';
import { Escaped, escapeHtml, unescapeHtml, writeValue } from './written-value.ts';

/** Of LiquidJS's node for the text between tags, which it does not export. */
interface TextNode extends Template {
  str?: unknown;
}

/**
 * Stands in for `Render.renderTemplates`: every tag calls it for what is inside it.
 * @throws LiquidError with the place of the node; limits are thrown inside one
 */
export function* renderNodes(nodes: Template[], context: Context, emitter?: Emitter): IterableIterator<unknown> {
  const output = emitter ?? new CountedOutput(context.memoryLimit);
  context.renderLimit.check(1);
  for (const node of nodes) {
    context.renderLimit.check(1);
    try {
      const text = node.token.kind === TokenKind.HTML ? (node as TextNode).str : undefined;
      if (typeof text === 'string') {
        output.write(text);
        continue;
      }
      // Tags write by themselves or give back what is to be written.
      const result: unknown = yield node.render(context, output);
      if (result) output.write(result);
      if (context.breakCalled || context.continueCalled) break;
    } catch (error) {
      throw LiquidError.is(error) ? error : new RenderError(error as Error, node);
    }
  }
  return output.buffer;
}

/** As LiquidJS's own `toValueSync`, in a shape that V8 makes faster code of. */
export function runToEnd(steps: Iterator<unknown>): unknown {
  let state = steps.next();
  while (!state.done) {
    const { value } = state;
    if (typeof value === 'object' && value !== null && isIterator(value)) {
      let result: unknown;
      try {
        result = runToEnd(value);
      } catch (error) {
        if (!steps.throw) throw error;
        state = steps.throw(error);
        continue;
      }
      state = steps.next(result);
    } else {
      state = steps.next(value);
    }
  }
  return isIterator(state.value) ? runToEnd(state.value) : state.value;
}

/** A generator; the `forloop` of a loop has a `next` of its own, and data may have anything under these names. */
function isIterator(value: unknown): value is Iterator<unknown> {
  if (typeof value !== 'object' || value === null || !('next' in value && 'throw' in value)) return false;
  return typeof value.next === 'function' && typeof value.throw === 'function';
}

/** What `capture` made in the HTML part: its values are escaped already, and it is written as it is. */
export class CapturedHtml extends Drop {
  readonly html: string;

  constructor(html: string) {
    super();
    this.html = html;
  }

  /** What comparisons and filters for text see. */
  override valueOf(): string {
    return unescapeHtml(this.html);
  }

  override toString(): string {
    return this.html;
  }

  get size(): number {
    return this.valueOf().length;
  }
}

export class HtmlCaptureTag extends CaptureTag {
  override *render(context: Context): Generator<unknown, void, string> {
    yield* super.render(context);
    const scope = context.bottom() as Record<string, unknown>;
    scope[this.variable] = new CapturedHtml(writeValue(scope[this.variable]));
  }
}

const shownDigits = 6;

/** What is left of a division: calculated with as it is, and written with six digits, as 3.333333. */
export class Quotient extends Drop {
  readonly #value: number;

  constructor(value: number) {
    super();
    this.#value = value;
  }

  override valueOf(): number {
    return this.#value;
  }

  override toString(): string {
    const value = this.#value;
    return String(Number(Math.abs(value) < 1 ? value.toPrecision(shownDigits) : value.toFixed(shownDigits)));
  }

  toJSON(): number {
    return Number(this.toString());
  }
}

/** What an output of the HTML part writes. */
export function escapeValue(value: unknown): Escaped | string {
  return holdsHtml(value) ? writeHtml(value) : new Escaped(writeValue(value));
}

export function writeHtml(value: unknown): string {
  if (value instanceof CapturedHtml) return value.html;
  if (Array.isArray(value)) return value.map(writeHtml).join('');
  return escapeHtml(writeValue(value));
}

function holdsHtml(value: unknown): boolean {
  return value instanceof CapturedHtml || (Array.isArray(value) && value.some(holdsHtml));
}
