// Which text names a time zone: a place (`Europe/Berlin`), `UTC` or `GMT`. Abbreviations and offsets are refused: ICU reads
// `BST` as Asia/Dhaka and `Etc/GMT+5` as five hours behind UTC, which is not what people mean, and an offset knows no
// daylight saving. Other spellings of a place are put right. Pure.

export type TimeZoneReading = { timeZone: string } | { fault: string; likely: readonly string[] };

/** Longer than any name. */
const maxChars = 64;
/** tz's areas of places, and its older names by country. `Etc` and `SystemV` are offsets. */
const placeName =
  /^(Africa|America|Antarctica|Arctic|Asia|Atlantic|Australia|Brazil|Canada|Chile|Europe|Indian|Mexico|Pacific|US)(\/[A-Za-z0-9_+-]+){1,2}$/i;

/** Names of today that ICU knows and does not list: it lists those of before 1993. */
const newNames = [
  'Africa/Asmara',
  'America/Argentina/Buenos_Aires',
  'America/Argentina/Cordoba',
  'America/Atikokan',
  'America/Indiana/Indianapolis',
  'America/Kentucky/Louisville',
  'America/Nuuk',
  'Asia/Ho_Chi_Minh',
  'Asia/Kathmandu',
  'Asia/Kolkata',
  'Asia/Yangon',
  'Atlantic/Faroe',
  'Europe/Kyiv',
  'Pacific/Chuuk',
  'Pacific/Kanton',
  'Pacific/Pohnpei',
];

/** For lists to choose from. */
export const timeZoneNames: readonly string[] = [
  'UTC',
  ...[
    ...Intl.supportedValuesOf('timeZone').filter((name) => name.includes('/') && !name.startsWith('Etc/')),
    ...newNames,
  ].sort(),
];
const byLowerCase = new Map([...timeZoneNames, 'GMT'].map((name) => [name.toLowerCase(), name]));
const otherNamesOfUtc = /^(etc\/)?(z|zulu|uct|utc|universal)$/i;
const otherNamesOfGmt = /^(etc\/)?(gmt|greenwich|gmt0|gmt[+-]0)$/i;

/**
 * @returns the name as it is written, also for `europe/berlin`, ` Europe/Berlin`, `America/New York` and `utc`; undefined when
 *   the text names no time zone
 */
export function toTimeZone(text: string): string | undefined {
  if (text.length > maxChars * 2) return undefined;
  const name = text
    .replace(/[\p{Cc}\p{Cf}]/gu, '')
    .trim()
    .replace(/\s+/g, '_');
  const known = byLowerCase.get(name.toLowerCase());
  if (known) return known;
  if (otherNamesOfUtc.test(name)) return 'UTC';
  if (otherNamesOfGmt.test(name)) return 'GMT';
  if (name.length > maxChars || !placeName.test(name) || resolve(name) === undefined) return undefined;
  return /^(us|US)\//.test(name) ? `US/${toTitle(name.slice(3))}` : toTitle(name);
}

/** Whether the text is the name of a time zone, to the letter. */
export function isTimeZone(text: string): boolean {
  return toTimeZone(text) === text;
}

/** As toTimeZone. A fault is a sentence for the person who wrote the text, with names that may be meant. */
export function readTimeZone(text: string): TimeZoneReading {
  const timeZone = toTimeZone(text);
  if (timeZone !== undefined) return { timeZone };
  const likely = findLikely(text.slice(0, maxChars * 2).trim());
  const printable = text.slice(0, maxChars).replace(/[\p{C}\p{Z}]+/gu, ' ');
  const shown = text.length > maxChars ? `${printable}…` : printable;
  const examples = likely.length > 0 ? likely : ['Europe/Berlin'];
  return {
    fault: `This does not name a time zone: '${shown}'. Write a place, such as ${toList(examples)}, or UTC.`,
    likely,
  };
}

function resolve(name: string): string | undefined {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone;
  } catch {
    return undefined;
  }
}

/** What is written with both cases is kept: `Antarctica/McMurdo`. */
function toTitle(name: string): string {
  if (name !== name.toLowerCase() && name !== name.toUpperCase()) return name;
  return name.toLowerCase().replace(/(^|[/_-])[a-z]/g, (start) => start.toUpperCase());
}

function toList(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} or ${names.at(-1)}`;
}

const maxLikely = 4;

/** Where these are in use; https://www.timeanddate.com/time/zones/ */
const abbreviations: Readonly<Record<string, readonly string[]>> = {
  ACST: ['Australia/Adelaide', 'Australia/Darwin'],
  AEST: ['Australia/Sydney', 'Australia/Brisbane'],
  AEDT: ['Australia/Sydney'],
  AKST: ['America/Anchorage'],
  AST: ['America/Halifax', 'Asia/Riyadh'],
  AWST: ['Australia/Perth'],
  BRT: ['America/Sao_Paulo'],
  BST: ['Europe/London', 'Asia/Dhaka'],
  CAT: ['Africa/Maputo', 'Africa/Harare'],
  CDT: ['America/Chicago', 'America/Havana'],
  CET: ['Europe/Berlin', 'Europe/Paris', 'Europe/Madrid', 'Europe/Warsaw'],
  CEST: ['Europe/Berlin', 'Europe/Paris', 'Europe/Madrid', 'Europe/Warsaw'],
  CST: ['America/Chicago', 'Asia/Shanghai', 'America/Havana'],
  EAT: ['Africa/Nairobi'],
  EDT: ['America/New_York', 'America/Toronto'],
  EET: ['Europe/Athens', 'Europe/Helsinki', 'Europe/Kyiv', 'Africa/Cairo'],
  EEST: ['Europe/Athens', 'Europe/Helsinki', 'Europe/Kyiv', 'Africa/Cairo'],
  EST: ['America/New_York', 'America/Toronto', 'America/Panama'],
  GST: ['Asia/Dubai'],
  HKT: ['Asia/Hong_Kong'],
  HST: ['Pacific/Honolulu'],
  IDT: ['Asia/Jerusalem'],
  IST: ['Asia/Kolkata', 'Europe/Dublin', 'Asia/Jerusalem'],
  JST: ['Asia/Tokyo'],
  KST: ['Asia/Seoul'],
  MDT: ['America/Denver'],
  MET: ['Europe/Berlin', 'Europe/Paris'],
  MSK: ['Europe/Moscow'],
  MST: ['America/Denver', 'America/Phoenix'],
  NZDT: ['Pacific/Auckland'],
  NZST: ['Pacific/Auckland'],
  PDT: ['America/Los_Angeles'],
  PKT: ['Asia/Karachi'],
  PST: ['America/Los_Angeles', 'Asia/Manila'],
  SAST: ['Africa/Johannesburg'],
  SGT: ['Asia/Singapore'],
  WAT: ['Africa/Lagos'],
  WET: ['Europe/Lisbon'],
  WEST: ['Europe/Lisbon'],
  WIB: ['Asia/Jakarta'],
};

/** One or two for each offset that people live by. */
const offsetPlaces = [
  ...['Europe/London', 'Europe/Berlin', 'Europe/Athens', 'Europe/Moscow', 'America/Sao_Paulo', 'America/Halifax'],
  ...['America/New_York', 'America/Chicago', 'America/Denver', 'America/Phoenix', 'America/Los_Angeles'],
  ...['America/Anchorage', 'Pacific/Honolulu', 'America/St_Johns', 'Atlantic/Azores', 'America/Bogota'],
  ...['Africa/Lagos', 'Africa/Johannesburg', 'Africa/Nairobi', 'Asia/Dubai', 'Asia/Kabul', 'Asia/Karachi'],
  ...['Asia/Kolkata', 'Asia/Kathmandu', 'Asia/Dhaka', 'Asia/Yangon', 'Asia/Bangkok', 'Asia/Shanghai', 'Asia/Tokyo'],
  ...['Asia/Tehran', 'Australia/Darwin', 'Australia/Adelaide', 'Australia/Sydney', 'Pacific/Auckland', 'Pacific/Apia'],
];

function findLikely(text: string): readonly string[] {
  const known = abbreviations[text.toUpperCase()];
  if (known) return known;
  const minutes = toOffsetMinutes(text);
  if (minutes !== undefined) return offsetPlaces.filter((place) => hasOffset(place, minutes)).slice(0, maxLikely);
  const resolved = resolve(text);
  if (resolved?.includes('/') && byLowerCase.has(resolved.toLowerCase())) return [resolved];
  return findSimilar(text);
}

/** Of `+02:00`, `GMT+2`, `UTC-0330`, and of `Etc/GMT+5`, whose sign is the other way round. */
function toOffsetMinutes(text: string): number | undefined {
  const [, etc, sign, hours, minutes = '0'] =
    /^(?:(etc\/)?(?:gmt|utc))?\s*([+-])(\d{1,2})(?::?(\d{2}))?$/i.exec(text.replaceAll('\u2212', '-')) ?? [];
  if (hours === undefined) return undefined;
  const east = (sign === '+') === (etc === undefined) ? 1 : -1;
  return east * (Number(hours) * 60 + Number(minutes));
}

/** In winter or in summer. */
function hasOffset(timeZone: string, minutes: number): boolean {
  const words = new Intl.DateTimeFormat('en', { timeZone, timeZoneName: 'longOffset' });
  return [Date.UTC(2026, 0, 15), Date.UTC(2026, 6, 15)].some((ms) => {
    const name = words.formatToParts(ms).find(({ type }) => type === 'timeZoneName')?.value ?? '';
    return (toOffsetMinutes(name) ?? 0) === minutes;
  });
}

/** Places with the same name elsewhere (`Berlin`, `Asia/London`), and those that share most pairs of letters (`Europe/Belrin`). */
function findSimilar(text: string): readonly string[] {
  const wanted = toPlace(text);
  if (wanted.length < 3) return [];
  const pairs = toPairs(wanted);
  return timeZoneNames
    .map((name) => {
      const place = toPlace(name);
      const own = toPairs(place);
      const shared = [...pairs].filter((pair) => own.has(pair)).length;
      return { name, score: place === wanted ? 2 : (2 * shared) / (pairs.size + own.size) };
    })
    .filter(({ score }) => score >= 0.4)
    .sort((a, b) => b.score - a.score)
    .slice(0, maxLikely)
    .map(({ name }) => name);
}

const toPlace = (name: string): string =>
  name
    .slice(name.lastIndexOf('/') + 1)
    .toLowerCase()
    .replace(/[\s_-]+/g, ' ')
    .trim();

const toPairs = (text: string): Set<string> =>
  new Set(Array.from({ length: Math.max(0, text.length - 1) }, (_, at) => text.slice(at, at + 2)));
