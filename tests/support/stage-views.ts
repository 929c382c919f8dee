// What tests of the stage runtime look at: what is committed, what went on and what was put aside.
import { readDeadLetterCause } from '../../lib/kafka/headers.ts';
import { eventually } from './eventually.ts';
import type { StageLab } from './stage-lab.ts';

export const group = (lab: StageLab) => lab.topics.lanes.enricher[0]?.group ?? '';

export async function expectCommitted(lab: StageLab, offset: number, partition = 0): Promise<void> {
  const committed = async () => (await lab.committed(group(lab), lab.topics.planned.high.name))[partition];
  await eventually(async () => (await committed()) === offset, `a commit at ${offset}`);
}

export async function readPutAside(lab: StageLab, atLeast: number) {
  const records = await lab.read(lab.topics.deadLetters.enricher.name, atLeast);
  return records.map((record) => ({ record, cause: readDeadLetterCause(record.headers) }));
}

export const codes = (letters: Awaited<ReturnType<typeof readPutAside>>) =>
  letters.map(({ cause }) => cause?.errorCode);
export const forwardedTo = async (lab: StageLab, atLeast: number) =>
  (await lab.readEvents(lab.topics.enriched.high, atLeast)).map(({ user_id }) => user_id).sort();
