// The source of a template looked at as text: what is said about it needs no rendering.

export interface Place {
  /** From 1. */
  line: number;
  /** From 1. */
  column: number;
}

/** In the place of each character of Liquid: a noncharacter of Unicode, which no text may hold. */
export const liquidFiller = '\ufdd7';
const commentTag = /^\{%-?\s*comment\b/;
const commentEnd = /\bendcomment\s*-?%\}/g;

/** @returns the source as long as it was, with a filler for tags and outputs of Liquid and for what is commented out */
export function blankLiquid(source: string): string {
  const begins = /\{[{%]/g;
  let blanked = '';
  let at = 0;
  for (let begin = begins.exec(source); begin; begin = begins.exec(source)) {
    const end = findEnd(source, begin.index);
    if (end === undefined) break;
    blanked += source.slice(at, begin.index) + liquidFiller.repeat(end - begin.index);
    at = end;
    begins.lastIndex = end;
  }
  return blanked + source.slice(at);
}

function findEnd(source: string, begin: number): number | undefined {
  if (commentTag.test(source.slice(begin, begin + 100))) {
    commentEnd.lastIndex = begin;
    return commentEnd.exec(source) ? commentEnd.lastIndex : undefined;
  }
  const end = source.indexOf(source.startsWith('{{', begin) ? '}}' : '%}', begin + 2);
  return end < 0 ? undefined : end + 2;
}

export function toPlace(source: string, index: number): Place {
  const before = source.slice(0, index);
  return { line: before.split('\n').length, column: index - before.lastIndexOf('\n') };
}
