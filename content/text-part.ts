// The text part of an e-mail whose template has none: the words of its finished HTML. To turn HTML into text takes ten
// times as long as to fill the HTML in, so that is done once for all the people whose HTML differs in nothing but values:
// with a mark in the place of each value. Each person's values are then put into the text.
import { dropControls } from './controls.ts';
import { LimitedOutput } from './limits.ts';
import { finishText, toMarkedText, toText } from './text.ts';
import { dropMarks, toValueMark, valueMarks } from './text-marks.ts';
import { hasPlainPlaces } from './value-places.ts';
import { Escaped, writeValue } from './written-value.ts';

/** In the place of a value. HTML that is finished holds none. */
const placeholder = '\x01';
/** What HTML shows otherwise than it is written, or not at all: blanks that collapse, control characters, marks. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const uneven = /^\s|\s$| {2}|[\x00-\x1f\x7f-\x9f\ufdd0-\ufdd6]/;

/** Takes down the HTML part, and the same with a placeholder for each value. */
export class MarkedOutput extends LimitedOutput {
  marked = '';
  readonly values: string[] = [];
  /** Each value is shown as it is written. */
  isEven = true;

  override write(value: unknown): void {
    super.write(value);
    if (!(value instanceof Escaped)) this.marked += writeValue(value);
    // Where there is nothing, less may be shown around it.
    else if (value.text !== '') {
      this.marked += placeholder;
      this.values.push(value.text);
      if (uneven.test(value.text)) this.isEven = false;
    }
  }
}

/** Of one version of a template, for the shapes that its conditions and loops give the HTML. */
const maxCachedChars = 256 * 1024;

/** @returns what makes the text part of one template's messages */
export function createTextMaker(): (html: string, output: MarkedOutput | null) => string {
  const texts = new Map<string, { text: string; valueCount: number } | null>();
  let cachedChars = 0;

  function findText(marked: string, valueCount: number): string | null {
    let known = texts.get(marked);
    if (known === undefined) {
      const text = convertMarked(marked, valueCount);
      known = text === null ? null : { text, valueCount };
      cachedChars += marked.length + (text?.length ?? 0);
      if (cachedChars > maxCachedChars) {
        texts.clear();
        cachedChars = marked.length + (text?.length ?? 0);
      }
      texts.set(marked, known);
    }
    return known?.valueCount === valueCount ? known.text : null;
  }

  /**
   * @param html finished
   * @param output that it was written to; null where the HTML was changed afterwards
   * @throws LengthLimitError as `toText` does
   */
  return (html, output) => {
    const text = output?.isEven ? findText(output.marked, output.values.length) : null;
    if (!output || text === null) return toText(html);
    return finishText(text.replace(valueMarks, (_, index: string) => output.values[Number(index)] ?? ''));
  };
}

/** @returns null where a value could be more than text */
function convertMarked(marked: string, valueCount: number): string | null {
  let count = 0;
  const numbered = dropMarks(marked).replaceAll(placeholder, () => toValueMark(count++));
  const html = dropControls(numbered);
  return count === valueCount && hasPlainPlaces(html, count) ? toMarkedText(html) : null;
}
