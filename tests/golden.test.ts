// Every release reads what every other release wrote, in both directions (FULL_TRANSITIVE). The golden files hold the
// first version of each record: its schema, an event and its bytes.
import { readdirSync, readFileSync } from 'node:fs';
import avsc, { type Type } from 'avsc';
import { describe, expect, it } from 'vitest';
import { type RecordName, recordSchemas } from '../lib/events.ts';

interface Golden {
  record: RecordName;
  schema: object;
  event: Record<string, unknown>;
  bytes: string;
}

const folder = new URL('golden/', import.meta.url);
const files = readdirSync(folder).map((name) => JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as Golden);
const read = (reader: Type, writer: Type, bytes: Buffer) => ({
  ...reader.fromBuffer(bytes, reader.createResolver(writer)),
});

describe('the first version of', () => {
  it('every record has its golden file', () => {
    expect(files.map(({ record }) => record).sort()).toEqual(Object.keys(recordSchemas).sort());
  });

  describe.each(files)('$record', ({ record, schema, event, bytes }) => {
    const first = avsc.Type.forSchema(schema as Parameters<typeof avsc.Type.forSchema>[0]);
    const now = avsc.Type.forSchema(JSON.parse(recordSchemas[record]));

    it('has bytes that its own schema reads', () => {
      expect({ ...first.fromBuffer(Buffer.from(bytes, 'hex')) }).toEqual(event);
    });

    it('is read by this release', () => {
      expect(read(now, first, Buffer.from(bytes, 'hex'))).toMatchObject(event);
    });

    it('reads what this release writes', () => {
      const written = read(now, first, Buffer.from(bytes, 'hex'));
      expect(read(first, now, now.toBuffer(written))).toEqual(event);
    });
  });
});
