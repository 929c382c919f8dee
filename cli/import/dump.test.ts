import { expect, it } from 'vitest';
import { parseDump } from './dump.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const entry = { model: 'Admin_Panel.Template', pk: 3, fields: { title: 'Привет' } };
const read = [{ index: 0, model: 'admin_panel.template', pk: 3, fields: { title: 'Привет' } }];

it('reads a list of entries, with or without a byte order mark', () => {
  expect(parseDump(utf8(JSON.stringify([entry])))).toEqual(read);
  expect(parseDump(utf8(`\ufeff${JSON.stringify([entry])}`))).toEqual(read);
});

it("reads UTF-16, which PowerShell's > writes", () => {
  expect(parseDump(Buffer.from(`\ufeff${JSON.stringify([entry])}`, 'utf16le'))).toEqual(read);
});

it.each([
  ['windows-1251', Uint8Array.from([0x5b, 0x22, 0xcf, 0xf0, 0xe8, 0x22, 0x5d]), /not UTF-8; write it anew with/],
  ['an empty file', utf8(' \n'), /it is empty/],
  ['half a file', utf8('[{"model": "a.b",'), /it is not JSON: /],
  ['one object', utf8('{"model": "a.b"}'), /not a JSON list/],
  ['a list of texts', utf8('["a"]'), /\/0: it is not an object with model, pk and fields/],
  ['an entry without a model', utf8('[{"pk": 1, "fields": {}}]'), /\/0\/model: /],
  ['an entry without fields', utf8(JSON.stringify([entry, { model: 'a.b', pk: 1 }])), /\/1\/fields \(a\.b\): /],
])('says what is wrong with %s', (_, bytes, message) => {
  expect(() => parseDump(bytes)).toThrow(
    expect.objectContaining({ code: 'dump_invalid', message: expect.stringMatching(message) }),
  );
});
