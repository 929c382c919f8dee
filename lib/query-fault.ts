// The query of an address, before anything reads it: what is no text, or what would be read one way here and another way there.

export interface QueryFault {
  parameter: string;
  /** For people, to be put behind the parameter's name. */
  detail: string;
}

/** No page and no call has as many. */
const maxParameters = 100;
/** Postgres takes no NUL, and no id, name or text that somebody looks for holds another of these. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: this is the check for them.
const unfit = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f]/;

/** @param url an address with or without a query @returns undefined when every parameter is a text and stands once */
export function findQueryFault(url: string): QueryFault | undefined {
  const begin = url.indexOf('?');
  if (begin < 0) return undefined;
  const end = url.indexOf('#', begin);
  const pairs = url.slice(begin + 1, end < 0 ? undefined : end).split('&', maxParameters + 1);
  if (pairs.length > maxParameters) return { parameter: '', detail: `has more than ${maxParameters} parameters` };
  const seen = new Set<string>();
  for (const pair of pairs.filter((one) => one !== '')) {
    const equals = pair.indexOf('=');
    const [name, value] = [
      decode(equals < 0 ? pair : pair.slice(0, equals)),
      decode(equals < 0 ? '' : pair.slice(equals + 1)),
    ];
    if (name === undefined || unfit.test(name)) return { parameter: '', detail: 'names a parameter that is no text' };
    if (value === undefined) return { parameter: name, detail: 'is not percent-encoded UTF-8' };
    if (unfit.test(value)) return { parameter: name, detail: 'holds a control character' };
    if (seen.has(name)) return { parameter: name, detail: 'may stand only once' };
    seen.add(name);
  }
  return undefined;
}

/** @returns undefined for `%zz`, and for bytes that are not UTF-8, such as halves of surrogate pairs */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return undefined;
  }
}
