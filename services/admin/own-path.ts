// A path that came with a call and that we lead to: only ever one of our own pages. Browsers take tabs and line breaks out of an
// address and read a backslash as a slash, so that `/<tab>/evil.example` is another site; a proxy may decode once more. So only plain
// segments pass. Pure.

/** Letters, digits, `-._~:` and what is encoded, in segments with one slash between them. */
const plainPath = /^\/(?:(?:[\w.~:-]|%[0-9A-Fa-f]{2})+(?:\/(?:[\w.~:-]|%[0-9A-Fa-f]{2})+)*\/?)?$/;
/** Ids and names hold none of these, however often they are decoded. */
const unfit = /[\p{C}\p{Z}\\/@?#%]|^\.{1,2}$/u;
const maxChars = 500;

/** @returns the path, or `otherwise` for what is no plain path of ours */
export function toOwnPath(path: string | undefined, otherwise = '/'): string {
  if (path === undefined || path.length > maxChars || !plainPath.test(path)) return otherwise;
  return path.split('/').every(isFit) ? path : otherwise;
}

function isFit(segment: string): boolean {
  try {
    return !unfit.test(decodeURIComponent(segment));
  } catch {
    return false;
  }
}
