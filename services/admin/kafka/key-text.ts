// A record's key as people read it.

/** A key: text where it is text, else hexadecimal; an absent one is undefined. */
export function toKeyText(key: Buffer | null): string | undefined {
  if (key === null) return undefined;
  const text = key.toString('utf8');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what makes it no text
  const isText = !/[\u0000-\u001f\u007f\ufffd]/.test(text);
  const shown = isText ? text : `0x${key.toString('hex')}`;
  return shown.length > 200 ? `${shown.slice(0, 200)}… (${key.length} bytes)` : shown;
}
