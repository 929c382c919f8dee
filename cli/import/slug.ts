// Short names for templates that had only a title and a number: `Статистика за месяц` becomes `statistika-za-mesyats`.

const latin: Readonly<Record<string, string>> = {
  ...{ а: 'a', б: 'b', в: 'v', г: 'g', д: 'd', е: 'e', ё: 'yo', ж: 'zh', з: 'z', и: 'i', й: 'y', к: 'k', л: 'l' },
  ...{ м: 'm', н: 'n', о: 'o', п: 'p', р: 'r', с: 's', т: 't', у: 'u', ф: 'f', х: 'kh', ц: 'ts', ч: 'ch', ш: 'sh' },
  ...{ щ: 'shch', ъ: '', ы: 'y', ь: '', э: 'e', ю: 'yu', я: 'ya' },
  ...{ і: 'i', ї: 'yi', є: 'ye', ґ: 'g', ў: 'u', ß: 'ss', ø: 'o', ł: 'l', æ: 'ae', '№': '' },
};

const maxChars = 64;

export interface ShortNames {
  /** @returns 1 to 64 of a-z 0-9 -, never digits alone, for those would read as an old number; never the same twice */
  take(title: string, pk: number): string;
}

/** @param inUse names that nobody gets */
export function createShortNames(inUse: Iterable<string>): ShortNames {
  const taken = new Set(inUse);
  // The last number tried for each name: a thousand templates of one title must not try a million names.
  const lastNumbers = new Map<string, number>();
  return {
    take(title, pk) {
      const slug = toSlug(title);
      const wanted = /[a-z]/.test(slug) ? slug : `template-${pk}`;
      let name = wanted;
      for (let number = (lastNumbers.get(wanted) ?? 1) + 1; taken.has(name); number += 1) {
        const ending = `-${number}`;
        name = trimHyphens(wanted.slice(0, maxChars - ending.length)) + ending;
        lastNumbers.set(wanted, number);
      }
      taken.add(name);
      return name;
    },
  };
}

function toSlug(title: string): string {
  const letters = [...title.normalize('NFC').toLowerCase()].map((letter) => latin[letter] ?? letter).join('');
  const plain = letters.normalize('NFKD').replace(/\p{M}/gu, '').toLowerCase();
  return shorten(trimHyphens(plain.replace(/[^a-z0-9]+/g, '-')));
}

/** Cuts between words where that leaves at least half. */
function shorten(slug: string): string {
  if (slug.length <= maxChars) return slug;
  const lastHyphen = slug.lastIndexOf('-', maxChars);
  return trimHyphens(slug.slice(0, lastHyphen >= maxChars / 2 ? lastHyphen : maxChars));
}

function trimHyphens(text: string): string {
  return text.replace(/^-+|-+$/g, '');
}
