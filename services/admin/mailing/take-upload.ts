// A file of people on its way into a draft: how it is read, who of it is known, and why it is refused.
import type { Readable } from 'node:stream';
import { readIdCell } from '../../../domain/audience-file/id-cell.ts';
import { namesIds } from '../../../domain/audience-file/id-header.ts';
import { type Layout, type Look, toLayout } from '../../../domain/audience-file/layout.ts';
import { DependencyError } from '../../../lib/errors.ts';
import type { UserService } from '../../../lib/user-service.ts';
import { type AudienceRows, createAudienceRows, type RowFault } from './audience-rows.ts';
import { AudienceFileError } from './audience-text.ts';
import { type AudienceView, type SaidOfFile, toAudienceView } from './audience-view.ts';
import { createKnownPeople } from './known-people.ts';
import { type AudienceFile, openAudience, readAudience } from './read-audience.ts';

export interface Refusal {
  status: 422 | 503;
  error: string;
  /** The first wrong ones, and how many there are. */
  rows: readonly RowFault[];
  faultCount: number;
  /** How many of them are people whom the user service does not know. */
  unknownCount: number;
}

export interface Upload {
  /** Whatever it throws, nothing of the file may be stored. */
  batches(): AsyncGenerator<readonly string[]>;
  /** Of what `batches` has thrown; undefined when it is no fault of the file. */
  toRefusal(error: unknown): Refusal | undefined;
  /** Since the beginning of the file was read. */
  readonly view: AudienceView | undefined;
  readonly rowCount: number;
  readonly leftOut: number;
}

type Users = Pick<UserService, 'fetchUsers'>;

/** The file is refused for its rows or its people. */
class NotUsable extends Error {}

/** @param onChecked told how many rows were read so far */
export function takeUpload(
  bytes: Readable,
  said: SaidOfFile,
  users: Users,
  onChecked: (rowCount: number) => void,
): Upload {
  const people = createKnownPeople(users);
  let rows: AudienceRows = createAudienceRows();
  let view: AudienceView | undefined;

  async function* batches() {
    const file = await openAudience(bytes, said);
    try {
      yield* readKnown(file);
    } finally {
      await file.close();
    }
  }

  async function* readKnown(file: AudienceFile) {
    view = toAudienceView(file.look);
    const layout = await requireLayout(users, file.look, said);
    rows = createAudienceRows(layout);
    let knownCount = 0;
    for await (const batch of readAudience(file, layout.separator, rows)) {
      onChecked(rows.rowCount);
      const known = await people.take(batch);
      knownCount += known.length;
      yield said.unknown === 'refuse' && people.unknownCount > 0 ? [] : known;
    }
    onChecked(rows.rowCount);
    if (rows.rowCount === 0) throw new AudienceFileError('empty', 'There is no user id in this file.');
    if (rows.faultCount > 0 || knownCount === 0) throw new NotUsable('nobody is to be stored');
    if (said.unknown === 'refuse' && people.unknownCount > 0) throw new NotUsable('some people are unknown');
  }

  /** @throws NotUsable when something must be asked first */
  async function requireLayout(users: Users, look: Look, said: SaidOfFile): Promise<Layout> {
    const layout = toLayout(look);
    if (layout?.hasHeader && said.hasHeader === undefined && (await isPerson(users, look.rows[0]?.[layout.column]))) {
      view = toAudienceView({ ...look, hasHeader: undefined });
    } else if (layout) return layout;
    throw new NotUsable('the layout is not clear');
  }

  return {
    batches,
    toRefusal(error) {
      const nothing = { rows: [], faultCount: 0, unknownCount: 0 };
      if (error instanceof DependencyError && error.dependency === 'user-service')
        return { status: 503, error: unaskedWords, ...nothing };
      if (error instanceof AudienceFileError) return { ...nothing, ...refuseRows(error.message) };
      if (!(error instanceof NotUsable)) return undefined;
      if (view?.column === null || view?.hasHeader === null) return { status: 422, error: unclearWords, ...nothing };
      return rows.faultCount > 0 ? refuseRows(countWrong(rows)) : refusePeople();
    },
    get view() {
      return view;
    },
    get rowCount() {
      return rows.rowCount;
    },
    get leftOut() {
      return people.unknownCount;
    },
  };

  function refuseRows(error: string): Refusal {
    return { status: 422, error, rows: rows.faults, faultCount: rows.faultCount, unknownCount: 0 };
  }

  function refusePeople(): Refusal {
    const { unknown, unknownCount } = people;
    const verb = unknownCount === 1 ? 'is' : 'are';
    const error = `${say(unknownCount)} of ${say(rows.rowCount)} people ${verb} unknown to the user service, so nothing was stored.`;
    return { status: 422, error, rows: unknown, faultCount: unknownCount, unknownCount };
  }
}

const unaskedWords =
  'The user service does not answer, so nobody could be checked, and nothing was stored. Try again in a moment.';
const unclearWords = 'It is not clear how this file is to be read, so nothing was stored yet.';

/** A word above the ids may be the id of somebody all the same. */
async function isPerson(users: Users, cell = ''): Promise<boolean> {
  const read = readIdCell(cell);
  return 'id' in read && !namesIds(cell) && (await users.fetchUsers([read.id])).has(read.id);
}

function countWrong({ faultCount, rowCount }: AudienceRows): string {
  const verb = faultCount === 1 ? 'has' : 'have';
  return `${say(faultCount)} of ${say(rowCount)} rows ${verb} no usable id, so nothing was stored.`;
}

const say = (count: number) => count.toLocaleString('en-US');
