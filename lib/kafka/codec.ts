// Between records and bytes: Confluent's wire format (a zero byte, the schema's id in 4 bytes, Avro), with avsc. The
// registry is asked once per schema id, never per record; what arrives is walked within bounds before it is decoded.
import avsc, { type Type } from 'avsc';
import { describeError, PermanentError, PosthornError } from '../errors.ts';
import { type RecordName, type Records, recordSchemas } from '../events.ts';
import { recordTopics, type Topic, type Topics } from '../topics.ts';
import { compileWalk, type Walk } from './bounds.ts';
import { createRegistry } from './registry.ts';

export interface Codec {
  /**
   * Looks up the ids of our own schemas; call it before the first `encode`, again if it failed.
   * @throws DependencyError('registry'), SetupError('schemas_missing') naming every subject that has no schema yet
   */
  prepare(): Promise<void>;
  /** @throws Error when the event does not fit its schema, which is a bug of the caller */
  encode<R extends RecordName>(topic: Topic<R>, event: Records[R]): Buffer;
  /**
   * @throws PermanentError('empty', 'not_avro', 'bounds', 'schema_unknown', 'schema_not_of_subject', 'schema_unusable'),
   * DependencyError('registry') when its schema is new and the registry cannot be asked
   */
  decode<R extends RecordName>(topic: Topic<R>, value: Buffer): Promise<Records[R]>;
  /** The same at once; undefined when the record's schema has not been met before: then use `decode`. */
  decodeKnown<R extends RecordName>(topic: Topic<R>, value: Buffer): Records[R] | undefined;
}

interface Options {
  registryUrl: string;
  topics: Topics;
  /** For how long an id that the registry did not know is not asked for again. */
  unknownForMs?: number;
}

/** How records of one writer's schema are read for one subject; or why they cannot be. */
type Reading = { walk: Walk; read: (bytes: Buffer) => object } | { error: PermanentError; untilMs: number };

const headBytes = 5;
const maxKeptReadings = 1_000;

export function createCodec({ registryUrl, topics, unknownForMs = 10_000 }: Options): Codec {
  const registry = createRegistry(registryUrl);
  const types = parseSchemas();
  const ids = new Map<string, number>();
  const readings = new Map<string, Reading>();
  const asking = new Map<string, Promise<Reading>>();
  let scratch = Buffer.allocUnsafe(64 * 1024);

  async function askForReading(topic: Topic, id: number): Promise<Reading> {
    const refuse = (code: string, message: string, untilMs: number, cause?: unknown): Reading => ({
      error: new PermanentError(code, message, { cause }),
      untilMs,
    });
    const schema = await registry.schemaById(id);
    if (schema === undefined) {
      return refuse('schema_unknown', `no schema has the id ${id}`, Date.now() + unknownForMs);
    }
    if ((await registry.idOf(topic.subject, schema)) === undefined) {
      const message = `schema ${id} is not registered for ${topic.subject}`;
      return refuse('schema_not_of_subject', message, Date.now() + unknownForMs);
    }
    try {
      const writer = avsc.Type.forSchema(JSON.parse(schema));
      return { walk: compileWalk(writer), read: toRead(writer, types[topic.record]) };
    } catch (cause) {
      const message = `schema ${id} cannot be read as ${topic.record}: ${describeError(cause)}`;
      return refuse('schema_unusable', message, Number.POSITIVE_INFINITY, cause);
    }
  }

  async function learn(topic: Topic, id: number): Promise<Reading> {
    const key = `${topic.subject} ${id}`;
    let question = asking.get(key);
    if (!question) {
      question = askForReading(topic, id).finally(() => asking.delete(key));
      asking.set(key, question);
    }
    const reading = await question;
    // Anybody can send any id: what is kept has an end, oldest first.
    const oldest = readings.size >= maxKeptReadings ? readings.keys().next().value : undefined;
    if (oldest !== undefined) readings.delete(oldest);
    readings.set(key, reading);
    return reading;
  }

  function read<R extends RecordName>(reading: Reading, value: Buffer): Records[R] {
    if ('error' in reading) throw reading.error;
    reading.walk(value, headBytes);
    // The reader's type is the topic's, so what it reads is the topic's record.
    return reading.read(value) as Records[R];
  }

  function decodeKnown<R extends RecordName>(topic: Topic<R>, value: Buffer): Records[R] | undefined {
    const reading = readings.get(`${topic.subject} ${readId(value)}`);
    if (!reading || ('untilMs' in reading && reading.untilMs <= Date.now())) return undefined;
    return read(reading, value);
  }

  return {
    async prepare() {
      await Promise.all(
        recordTopics(topics).map(async ({ subject, record }) => {
          const id = ids.get(subject) ?? (await registry.idOf(subject, recordSchemas[record]));
          if (id !== undefined) ids.set(subject, id);
        }),
      );
      const missing = recordTopics(topics).filter(({ subject }) => !ids.has(subject));
      if (missing.length > 0) {
        const names = missing.map(({ subject }) => subject).join(', ');
        throw new SetupError('schemas_missing', `no schema of this release for ${names}: run \`posthorn setup\``);
      }
    },
    encode(topic, event) {
      const id = ids.get(topic.subject);
      if (id === undefined) throw new Error(`the codec is not prepared for ${topic.subject}`);
      try {
        const type = types[topic.record];
        let end = type.encode(event, scratch, headBytes);
        if (end < 0) {
          // avsc tells how many bytes were missing.
          scratch = Buffer.allocUnsafe(scratch.length - end);
          end = type.encode(event, scratch, headBytes);
        }
        scratch.writeUInt8(0, 0);
        scratch.writeUInt32BE(id, 1);
        return Buffer.from(scratch.subarray(0, end));
      } catch (cause) {
        throw new Error(`an event does not fit the schema of ${topic.record}: ${describeError(cause)}`, { cause });
      }
    },
    async decode(topic, value) {
      return decodeKnown(topic, value) ?? read(await learn(topic, readId(value)), value);
    },
    decodeKnown,
  };
}

/** The registry or the topics are not set up for this release: `posthorn setup` mends it. */
export class SetupError extends PosthornError {}

function parseSchemas(): Record<RecordName, Type> {
  const parsed = Object.entries(recordSchemas).map(([name, text]) => [name, avsc.Type.forSchema(JSON.parse(text))]);
  return Object.fromEntries(parsed);
}

function readId(value: Buffer): number {
  if (value.length === 0) throw new PermanentError('empty', 'the record has an empty value');
  if (value.length < headBytes || value[0] !== 0) {
    throw new PermanentError('not_avro', 'the record does not begin with a zero byte and a schema id');
  }
  return value.readUInt32BE(1);
}

// avsc gives instances of a class it makes; a plain copy has own keys only. All our records are flat, and a map, whose
// keys come from outside, is in none of them (asserted by codec.test.ts).
function toRead(writer: Type, reader: Type): (bytes: Buffer) => object {
  const resolver = writer.equals(reader) ? undefined : reader.createResolver(writer);
  return (bytes) => {
    try {
      return { ...reader.decode(bytes, headBytes, resolver).value };
    } catch (cause) {
      throw new PermanentError('not_avro', `the bytes cannot be decoded: ${describeError(cause)}`, { cause });
    }
  };
}
