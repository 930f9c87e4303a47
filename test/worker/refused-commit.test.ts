import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { loadBatch } from '../../src/worker/load-batch.ts';
import { loadFile } from '../../src/worker/load-file.ts';
import { startAttemptParts } from '../support/attempt-parts.ts';
import { failBeforeCommit } from '../support/fail-before-commit.ts';

const { options, task, claimed, statusOf, idsIn } = await startAttemptParts({ after });
const direct = await startAttemptParts({ after }, { isDirect: true });

/** Which of the commits that are asked for Postgres answers with ROLLBACK. */
let refused: number[] = [];
let commits = 0;
for (const attempts of [options.pool, direct.options.pool, direct.options.dataNodes.next()])
  attempts.on('connect', (client) => failBeforeCommit(client, () => refused.includes(commits++)));
afterEach(() => {
  refused = [];
  commits = 0;
});

test('a file whose commit Postgres answers with ROLLBACK is not done', async () => {
  const file = await claimed('single.ndjson', 'Patient', [{ id: 'single' }]);
  refused = [0];
  const outcome = await loadFile({ ...task, ...file }, options);
  assert.equal(outcome.kind, 'failed');
  assert.deepEqual([await statusOf(file), await idsIn('Patient')], ['error', []]);
});

test('files of a batch whose commit Postgres answers with ROLLBACK are loaded one by one', async () => {
  const files = [
    await claimed('b1.ndjson', 'Person', [{ id: 'b1' }]),
    await claimed('b2.ndjson', 'Person', [{ id: 'b2' }]),
  ];
  refused = [0];
  const outcome = await loadBatch({ ...task, files }, options);
  assert.ok(outcome.kind === 'batch');
  assert.deepEqual(
    outcome.files.map(({ kind }) => kind),
    ['done', 'done'],
  );
  assert.equal(commits, 3);
  assert.deepEqual(await idsIn('Person'), ['b1', 'b2']);
});

for (const [which, place, kind, status, ids] of [
  ['of its rows', 1, 'failed', 'error', []],
  ['of `done`, once its rows are in', 2, 'done', 'done', ['d2']],
] as const)
  test(`a file by a data connection whose commit ${which} Postgres answers with ROLLBACK has its rows if it is done`, async () => {
    const file = await direct.claimed(`d${place}.ndjson`, 'Patient', [{ id: `d${place}` }]);
    refused = [place];
    const outcome = await loadFile({ ...direct.task, ...file }, direct.options);
    assert.deepEqual([outcome.kind, await direct.statusOf(file)], [kind, status]);
    assert.deepEqual(await direct.idsIn('Patient'), ids);
  });

test('a file by a data connection is begun by an attempt that is written down', async () => {
  const file = await direct.claimed('d0.ndjson', 'Person', [{ id: 'd0' }]);
  refused = [0];
  const outcome = await loadFile({ ...direct.task, ...file }, direct.options);
  assert.notEqual(outcome.kind, 'done');
  assert.deepEqual([await direct.statusOf(file), await direct.idsIn('Person')], ['in-progress', []]);
});
