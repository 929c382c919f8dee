// Bytes as people read them: offset, hexadecimal, and what is printable.

/** At most `maxBytes` of them, 16 a line. */
export function toHexDump(bytes: Buffer, maxBytes = 2_048): string {
  const lines: string[] = [];
  for (let at = 0; at < Math.min(bytes.length, maxBytes); at += 16) {
    const row = bytes.subarray(at, Math.min(at + 16, maxBytes));
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const text = [...row].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.')).join('');
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(47)}  ${text}`);
  }
  return lines.join('\n');
}

/** A key: text where it is text, else hexadecimal; an absent one is undefined. */
export function toKeyText(key: Buffer | null): string | undefined {
  if (key === null) return undefined;
  const text = key.toString('utf8');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what makes it no text
  const isText = !/[\u0000-\u001f\u007f\ufffd]/.test(text);
  const shown = isText ? text : `0x${key.toString('hex')}`;
  return shown.length > 200 ? `${shown.slice(0, 200)}… (${key.length} bytes)` : shown;
}
