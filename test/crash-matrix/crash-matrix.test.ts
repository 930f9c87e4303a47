import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isGood, runMatrix } from './run-matrix.ts';

/** The rest is run by `npm run crash-matrix`. */
const PART_OF_STEPS =
  /^single: commit|^batch: (commit|lock of the file)|^partitioned: (decision|last PREPARE|commit$|first COMMIT)|^direct: (fence$|commit of the (attempt|rows))|^resolving: (commit of the copy|look-up)|^upsert: (compared|commit)|^versions: recreated|^(early|finish): commit of restored/;
const PART_OF_FAULTS =
  /^connection cut, before|arrives late$|^Postgres restarts, after|^delete by SQL, owner|^others cut/;

test('part of the crash matrix: all rows of each file or none, nothing left, whatever is lost at a step', async (t) => {
  const cells = await runMatrix({ steps: PART_OF_STEPS, faults: PART_OF_FAULTS, print: (line) => t.diagnostic(line) });
  assert.ok(cells.length > 20);
  assert.deepEqual(
    cells.filter((cell) => !isGood(cell)).map(({ step, fault, problems }) => [step.name, fault.name, problems]),
    [],
  );
});
