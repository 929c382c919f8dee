// The stage runtime on a real broker and registry: design.md section 3, the table of what happens, row by row.
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { chunk, createTestStage, openStageLab } from '../support/stage-lab.ts';

describe('a transform stage', async () => {
  const lab = await openStageLab();
  const input = lab.topics.planned.high;
  const output = lab.topics.enriched.high;

  it('writes what it makes of each record and commits behind it', async () => {
    const stage = createTestStage(lab);
    const running = lab.start(stage);
    await lab.sendEvents(input, [chunk('a', ['1', '2']), chunk('b')]);
    const written = await lab.readEvents(output, 3);
    expect(written.map(({ user_id }) => user_id).sort()).toEqual(['1', '2', 'user-b']);
    await eventually(async () => (await lab.committed(stage.lane.group, input.name))[0] === 2, 'a commit behind both');
    expect(running.state()).toBe('running');
    await running.stop();
    expect(running.state()).toBe('stopped');
  });
});
