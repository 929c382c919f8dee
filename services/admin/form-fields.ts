// The body of a form, application/x-www-form-urlencoded, as fields. Pure. Every byte is looked at a fixed number of times,
// and the number of fields is bounded before the first one is made: 2 MiB of `a&` are a million fields.
// https://url.spec.whatwg.org/#urlencoded-parsing

export type ParsedFields =
  | { kind: 'fields'; fields: [name: string, value: string][] }
  | { kind: 'too_many_fields' }
  /** Postgres takes no NUL, and no page needs one. */
  | { kind: 'nul'; name: string };

/** Browsers send line ends as CR LF; values hold LF. Of several fields with one name each is given, in their order. */
export function parseFields(body: Uint8Array, maxFields: number): ParsedFields {
  if (hasMoreFields(body, maxFields)) return { kind: 'too_many_fields' };
  const fields: [string, string][] = [];
  const room = Buffer.allocUnsafe(body.length);
  let end: number;
  for (let start = 0; start < body.length; start = end + 1) {
    end = findByte(body, ampersand, start, body.length);
    if (end === start) continue;
    const nameEnd = findByte(body, equals, start, end);
    const name = decode(body, start, nameEnd, room);
    const value = decode(body, nameEnd + 1, end, room);
    if (name.includes('\0') || value.includes('\0')) return { kind: 'nul', name: name.replaceAll('\0', '') };
    fields.push([name, value]);
  }
  return { kind: 'fields', fields };
}

const [ampersand, equals, plus, percent, lineFeed, carriageReturn, blank] = [0x26, 0x3d, 0x2b, 0x25, 0x0a, 0x0d, 0x20];

function hasMoreFields(body: Uint8Array, maxFields: number): boolean {
  let at = -1;
  for (let count = 0; count < maxFields; count++) {
    at = body.indexOf(ampersand, at + 1);
    if (at < 0) return false;
  }
  return true;
}

function findByte(body: Uint8Array, byte: number, start: number, end: number): number {
  const at = body.subarray(start, end).indexOf(byte);
  return at < 0 ? end : start + at;
}

/** @param room for the decoded bytes, which are never more than the encoded ones */
function decode(body: Uint8Array, start: number, end: number, room: Buffer): string {
  let length = 0;
  let wasReturn = false;
  for (let at = start; at < end; at++) {
    let byte = body[at] ?? 0;
    if (byte === plus) byte = blank;
    else if (byte === percent && at + 2 < end) {
      const decoded = (hexValues[body[at + 1] ?? 0] ?? noHex) * 16 + (hexValues[body[at + 2] ?? 0] ?? noHex);
      if (decoded < 256) {
        byte = decoded;
        at += 2;
      }
    }
    const isSecondHalf = wasReturn && byte === lineFeed;
    wasReturn = byte === carriageReturn;
    if (!isSecondHalf) room[length++] = wasReturn ? lineFeed : byte;
  }
  return room.toString('utf8', 0, length);
}

/** So large that no sum with it is a byte. */
const noHex = 1_000;
const hexValues = Uint16Array.from({ length: 256 }, (_, byte) => {
  const value = Number.parseInt(String.fromCharCode(byte), 16);
  return Number.isNaN(value) ? noHex : value;
});
