// Bytes that are no record of their topic, made from a good one.
import type { IHeaders } from '../../../lib/kafka/client.ts';
import type { Random } from '../harness/random.ts';
import type { PoisonRecord } from './kinds.ts';

interface Options {
  /** A good record in Confluent's wire format. */
  sample(): Buffer;
  random: Random;
  foreignSchemaId: number;
}

export interface BrokenBytes {
  what: string;
  code: RegExp;
  make(): PoisonRecord;
}

const headBytes = 5;
const headerCount = 5_000;

export function toBrokenBytes({ sample, random, foreignSchemaId }: Options): BrokenBytes[] {
  const head = () => sample().subarray(0, headBytes);
  const noise = (count: number) => Buffer.from(Array.from({ length: count }, () => random.between(0, 255)));
  const behindHead = (...bytes: number[]) => Buffer.concat([head(), Buffer.from(bytes)]);
  const withId = (id: number) => {
    const value = sample();
    value.writeUInt32BE(id, 1);
    return value;
  };
  const text = (headers: IHeaders) => ({ value: Buffer.from('no avro'), headers });
  const kinds: [string, RegExp, () => Buffer | PoisonRecord][] = [
    ['text', /^not_avro$/, () => Buffer.from('{"event": {"template_id": "welcome"}}')],
    ['a wrong magic byte', /^not_avro$/, () => Buffer.concat([Buffer.from([1]), sample().subarray(1)])],
    ['an empty value', /^empty$/, () => Buffer.alloc(0)],
    ['fewer bytes than a head has', /^not_avro$/, () => head().subarray(0, 3)],
    // Some of its ids come again, some are new: each new one costs a question to the registry.
    ['a schema id that nobody knows', /^schema_unknown$/, () => withId(900_000 + random.between(0, 20))],
    ['a schema id of another topic', /^schema_not_of_subject$/, () => withId(foreignSchemaId)],
    ['a length of gigabytes', /^(bounds|not_avro)$/, () => behindHead(0xfe, 0xff, 0xff, 0xff, 0x0f)],
    ['six bytes', /^(bounds|not_avro)$/, () => behindHead(0x7e)],
    ['a negative length in six bytes', /^(bounds|not_avro)$/, () => behindHead(0x01)],
    ['a number that never ends', /^(bounds|not_avro)$/, () => behindHead(...Array<number>(40).fill(0xff))],
    ['a head alone', /^(bounds|not_avro)$/, head],
    ['bytes cut off', /^(bounds|not_avro)$/, () => cutOff(sample())],
    ['a byte too many', /^not_avro$/, () => Buffer.concat([sample(), Buffer.from([0])])],
    ['random bytes', /^not_avro$/, () => Buffer.concat([Buffer.from([random.between(1, 255)]), noise(80)])],
    ['random bytes behind a true head', /^(bounds|not_avro)$/, () => Buffer.concat([head(), noise(80)])],
    ['half a megabyte of noise', /^not_avro$/, () => Buffer.alloc(500_000, random.between(1, 255))],
    ['thousands of headers', /^not_avro$/, () => text(manyHeaders())],
    ['a header of 300 kB', /^not_avro$/, () => text({ large: Buffer.alloc(300_000, 'h') })],
    ['headers of a dead letter', /^not_avro$/, () => text(forgedHeaders())],
    ['headers named after what every object has', /^not_avro$/, () => text(oddHeaders())],
  ];
  return kinds.map(([what, code, make]) => ({
    what,
    code,
    make() {
      const made = make();
      return Buffer.isBuffer(made) ? { value: made } : made;
    },
  }));

  function cutOff(value: Buffer): Buffer {
    return value.subarray(0, random.between(headBytes + 1, value.length - 1));
  }
}

const manyHeaders = (): IHeaders => Object.fromEntries(Array.from({ length: headerCount }, (_, at) => [`h${at}`, 'x']));

/** A record that pretends to have been put aside before. */
export const forgedHeaders = (): IHeaders => ({
  'dlt-original-topic': ['notifications.secret', 'notifications.other'],
  'dlt-original-partition': '99',
  'dlt-original-offset': '1234567',
  'dlt-error-code': 'forged',
  'dlt-error-message': Buffer.from([0xff, 0xfe]),
  'dlt-stage': 'admin',
  'dlt-at': '0',
});

/** Binary, empty, repeated, and named `__proto__`; a trace and an attempt that are none. */
export function oddHeaders(): IHeaders {
  const headers: IHeaders = {
    traceparent: Buffer.from([0xc3, 0x28]),
    attempt: 'many',
    redrive: '',
    repeated: ['a', 'b'],
    binary: Buffer.from([0, 255, 10, 13]),
    constructor: 'x',
  };
  Object.defineProperty(headers, '__proto__', { value: 'polluted', enumerable: true });
  return headers;
}
