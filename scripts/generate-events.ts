// Makes lib/events.ts from schemas/*.avsc. `--check` writes nothing and fails when the file is stale.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';

type AvroType =
  | string
  | AvroType[]
  | { type: 'record'; name: string; doc: string; fields: AvroField[] }
  | { type: 'enum'; name: string; doc: string; symbols: string[] }
  | { type: 'array'; items: AvroType }
  | { type: 'long'; logicalType: 'timestamp-millis' };
interface AvroField {
  name: string;
  type: AvroType;
  doc: string;
}
interface AvroRecord {
  type: 'record';
  name: string;
  doc: string;
  fields: AvroField[];
}

const schemasFolder = new URL('../schemas/', import.meta.url);
const eventsFile = new URL('../lib/events.ts', import.meta.url);

const records = readdirSync(schemasFolder)
  .filter((name) => name.endsWith('.avsc'))
  .sort()
  .map((name) => JSON.parse(readFileSync(new URL(name, schemasFolder), 'utf8')) as AvroRecord);

const generated = toModule(records);
if (process.argv.includes('--check')) {
  if (readFileSync(eventsFile, 'utf8') !== generated) {
    console.error('lib/events.ts does not match schemas/*.avsc: run `npm run gen` and commit the result.');
    process.exit(1);
  }
} else {
  writeFileSync(eventsFile, generated);
}

function toModule(all: AvroRecord[]): string {
  return [
    '// Generated from schemas/*.avsc by `npm run gen`; do not edit. The records that flow between the stages.',
    '',
    ...all.flatMap((record) => [toInterface(record), '']),
    '/** Every record type by its Avro name. */',
    'export interface Records {',
    ...all.map((record) => `  ${record.name}: ${record.name};`),
    '}',
    'export type RecordName = keyof Records;',
    '',
    '/** The Avro schema of every record, as the text that is registered. */',
    'export const recordSchemas: Readonly<Record<RecordName, string>> = {',
    ...all.map((record) => `  ${record.name}:\n    ${JSON.stringify(JSON.stringify(record))},`),
    '};',
    '',
  ].join('\n');
}

function toInterface(record: AvroRecord): string {
  const fields = record.fields.flatMap((field) => [
    `  /** ${field.doc} */`,
    `  ${field.name}: ${toTypeScript(field.type, `${record.name}.${field.name}`)};`,
  ]);
  return [`/** ${record.doc} */`, `export interface ${record.name} {`, ...fields, '}'].join('\n');
}

function toTypeScript(type: AvroType, where: string): string {
  if (Array.isArray(type)) return type.map((member) => toTypeScript(member, where)).join(' | ');
  if (typeof type === 'object') {
    if (type.type === 'enum') return type.symbols.map((symbol) => `'${symbol}'`).join(' | ');
    if (type.type === 'array') return `${toTypeScript(type.items, where)}[]`;
    if (type.type === 'record') {
      return `{ ${type.fields.map((field) => `${field.name}: ${toTypeScript(field.type, where)}`).join('; ')} }`;
    }
    if (type.type === 'long') return 'number';
  }
  if (type === 'string' || type === 'boolean' || type === 'null') return type;
  if (type === 'int' || type === 'long') return 'number';
  throw new Error(`${where}: scripts/generate-events.ts knows no TypeScript type for ${JSON.stringify(type)}`);
}
