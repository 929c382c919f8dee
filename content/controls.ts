// Characters that no body of a message may hold.

/** Tabs and line breaks stay; nothing else below the blank can be shown, and mail must not carry NUL (RFC 5322, 4.1). */
export function dropControls(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there.
  return text.replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/g, '');
}
