// An uploaded audience is read to its end, or refused with a reason for whoever sent it.
import { Readable } from 'node:stream';
import { toLayout } from '../../../../domain/audience-file/layout.ts';
import { isUserId } from '../../../../domain/ids.ts';
import { createAudienceRows } from '../../../../services/admin/mailing/audience-rows.ts';
import { AudienceFileError } from '../../../../services/admin/mailing/audience-text.ts';
import { openAudience, readAudience } from '../../../../services/admin/mailing/read-audience.ts';
import { withinBudget } from '../budget.ts';
import { type CsvFile, csvFiles } from '../generators/csv.ts';
import { type FuzzKind, opened } from '../kind.ts';

export const csvUploads: FuzzKind = {
  name: 'csv',
  title: 'files of an audience',
  casesOfMillion: 60_000,
  needs: 'nothing',
  open: async ({ isAlone }) =>
    opened({
      inputs: csvFiles,
      async tryOne(file) {
        // A piece of one byte costs a turn of a stream, whatever is done with it.
        const pieces = Math.ceil(file.bytes.length / file.pieceBytes);
        const { value, fault } = await withinBudget(isAlone, file.bytes.length + pieces * 100, () => read(file));
        return fault ?? value;
      },
    }),
};

/** @returns what is wrong with what came of it */
async function read({ bytes, pieceBytes }: CsvFile): Promise<string | undefined> {
  let rows = createAudienceRows();
  const ids: string[] = [];
  try {
    const file = await openAudience(Readable.from(cut(bytes, pieceBytes)));
    const layout = toLayout(file.look);
    if (!layout) return undefined;
    rows = createAudienceRows(layout);
    for await (const batch of readAudience(file, layout.separator, rows)) ids.push(...batch.ids);
  } catch (error) {
    if (!(error instanceof AudienceFileError)) throw error;
    return error.message === '' ? 'it is refused without a reason' : undefined;
  }
  const wrong = ids.find((id) => !isUserId(id));
  if (wrong !== undefined) return `it gives the id ${JSON.stringify(wrong)}`;
  if (rows.faultCount === 0 && ids.length !== rows.rowCount)
    return `${ids.length} ids of ${rows.rowCount} rows, and no fault`;
  return rows.faults.some(({ line, why }) => line < 1 || why === '') ? 'a fault without its line or reason' : undefined;
}

function* cut(bytes: Buffer, pieceBytes: number): Generator<Buffer> {
  for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
}
