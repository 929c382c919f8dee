// How much of a list is taken at once, so that large requests do not fill the memory. Pure.

export interface Sized {
  people: number;
  /** Of the context. */
  bytes: number;
}

export interface AtOnce {
  count: number;
  people: number;
  bytes: number;
}

/** The first ones that fit together; the very first is always taken. */
export function cutFitting<T extends Sized>(list: readonly T[], atOnce: AtOnce): T[] {
  let people = 0;
  let bytes = 0;
  const tooMany = list.slice(0, atOnce.count).findIndex((one) => {
    people += one.people;
    bytes += one.bytes;
    return people > atOnce.people || bytes > atOnce.bytes;
  });
  return list.slice(0, tooMany < 0 ? atOnce.count : Math.max(1, tooMany));
}
