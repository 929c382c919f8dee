// Walks the bytes of an Avro record along its writer's schema before anything is decoded: avsc trusts the counts that
// it reads, and a crafted record of 6 bytes otherwise ends the process (3·10⁸ empty items). Compiled once per schema.
// Encoding: Avro specification 1.12, "Binary Encoding".
import type { Type, types } from 'avsc';
import { PermanentError } from '../errors.ts';

export interface Limits {
  /** Items of all arrays and entries of all maps together. */
  maxItems: number;
  /** Types within types, as in a list that holds lists. */
  maxDepth: number;
  /** Bytes of one string, bytes or fixed value. */
  maxLengthBytes: number;
}

export const defaultLimits: Limits = { maxItems: 50_000, maxDepth: 32, maxLengthBytes: 1_000_000 };

/** @throws PermanentError('not_avro') when the bytes do not follow the schema, PermanentError('bounds') beyond a limit */
export type Walk = (bytes: Uint8Array, start: number) => void;

interface Cursor {
  bytes: Uint8Array;
  at: number;
  items: number;
  depth: number;
}
type Step = (cursor: Cursor) => void;

export function compileWalk(schema: Type, limits: Limits = defaultLimits): Walk {
  const step = compile(schema, limits, new Map());
  return (bytes, start) => {
    const cursor = { bytes, at: start, items: 0, depth: 0 };
    step(cursor);
    if (cursor.at !== bytes.length) throw notAvro(`${bytes.length - cursor.at} bytes too many`);
  };
}

function compile(type: Type, limits: Limits, known: Map<Type, Step>): Step {
  const before = known.get(type);
  if (before) return before;
  // A record may hold itself: its name stands for it while it is being compiled.
  let compiled: Step | undefined;
  known.set(type, (cursor) => compiled?.(cursor));
  compiled = compileType(type, limits, known);
  known.set(type, compiled);
  return compiled;
}

function compileType(type: Type, limits: Limits, known: Map<Type, Step>): Step {
  const inner = (of: Type) => compile(of, limits, known);
  const kind = type.typeName;
  switch (kind) {
    case 'null':
      return () => {};
    case 'boolean':
      return skipBoolean;
    case 'int':
      return (cursor) => {
        const value = readLong(cursor);
        if (value < -0x80000000 || value > 0x7fffffff) throw notAvro('an int of more than 32 bits');
      };
    case 'long':
      return (cursor) => {
        readLong(cursor);
      };
    case 'float':
      return (cursor) => skip(cursor, 4);
    case 'double':
      return (cursor) => skip(cursor, 8);
    case 'bytes':
    case 'string':
      return (cursor) => skipText(cursor, limits);
    case 'fixed': {
      const { size } = type as types.FixedType;
      return (cursor) => skip(cursor, size);
    }
    case 'enum': {
      const { length } = (type as types.EnumType).symbols;
      return (cursor) => {
        readIndex(cursor, length, 'enum symbol');
      };
    }
    case 'array':
      return blocks(inner((type as types.ArrayType).itemsType), limits);
    case 'map': {
      const value = inner((type as types.MapType).valuesType as Type);
      return blocks((cursor) => {
        skipText(cursor, limits);
        value(cursor);
      }, limits);
    }
    case 'record':
    case 'error': {
      const fields = (type as types.RecordType).fields.map((field) => inner(field.type));
      return nested((cursor) => {
        for (const field of fields) field(cursor);
      }, limits);
    }
    case 'union:wrapped':
    case 'union:unwrapped': {
      const branches = (type as types.UnwrappedUnionType).types.map(inner);
      return (cursor) => branches[readIndex(cursor, branches.length, 'union branch')]?.(cursor);
    }
    default:
      throw new PermanentError('schema_unusable', `no walker for the Avro type ${kind}`);
  }
}

// Arrays and maps: blocks of a count and that many items, until a count of 0. A negative count is followed by the
// block's size in bytes, which a reader may trust to skip it: so it has to be true.
function blocks(item: Step, limits: Limits): Step {
  return nested((cursor) => {
    for (let count = readLong(cursor); count !== 0; count = readLong(cursor)) {
      const size = count < 0 ? readLong(cursor) : undefined;
      const items = Math.abs(count);
      cursor.items += items;
      if (cursor.items > limits.maxItems) throw beyond(`${cursor.items} items`, limits.maxItems);
      const start = cursor.at;
      for (let index = 0; index < items; index++) item(cursor);
      if (size !== undefined && cursor.at - start !== size) throw notAvro('a block of another size than it says');
    }
  }, limits);
}

function nested(step: Step, limits: Limits): Step {
  return (cursor) => {
    cursor.depth += 1;
    if (cursor.depth > limits.maxDepth) throw beyond('types within types', limits.maxDepth);
    step(cursor);
    cursor.depth -= 1;
  };
}

function skipText(cursor: Cursor, limits: Limits): void {
  const length = readLong(cursor);
  if (length > limits.maxLengthBytes) throw beyond(`a value of ${length} bytes`, limits.maxLengthBytes);
  skip(cursor, length);
}

function skipBoolean(cursor: Cursor): void {
  const byte = cursor.bytes[cursor.at];
  if (byte !== 0 && byte !== 1) throw notAvro(byte === undefined ? 'cut short' : `a boolean of ${byte}`);
  cursor.at += 1;
}

function skip(cursor: Cursor, length: number): void {
  if (length < 0) throw notAvro('a negative length');
  if (length > cursor.bytes.length - cursor.at) throw notAvro('cut short');
  cursor.at += length;
}

function readIndex(cursor: Cursor, count: number, what: string): number {
  const index = readLong(cursor);
  if (index < 0 || index >= count) throw notAvro(`${what} ${index} of ${count}`);
  return index;
}

// Variable-length zig-zag, with avsc's own arithmetic, so that both see the same number. What avsc would refuse as a
// loss of precision (beyond 2^53 - 2) is refused here.
function readLong(cursor: Cursor): number {
  const { bytes } = cursor;
  let factor = 1;
  let sum = 0;
  for (let length = 1; length <= 10; length++) {
    const byte = bytes[cursor.at++];
    if (byte === undefined) throw notAvro('cut short');
    sum += (byte & 0x7f) * factor;
    if (byte < 0x80) {
      const value = (sum % 2 ? -(sum + 1) : sum) / 2;
      if (Math.abs(value) > Number.MAX_SAFE_INTEGER - 1) throw notAvro('a number beyond 2^53');
      return value;
    }
    factor *= 128;
  }
  throw notAvro('a number of more than 10 bytes');
}

function notAvro(what: string): PermanentError {
  return new PermanentError('not_avro', `the bytes do not follow their schema: ${what}`);
}

function beyond(what: string, limit: number): PermanentError {
  return new PermanentError('bounds', `the record is beyond a limit: ${what}, at most ${limit}`);
}
