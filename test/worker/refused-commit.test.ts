import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { loadBatch } from '../../src/worker/load-batch.ts';
import { loadFile } from '../../src/worker/load-file.ts';
import { atCommit, failBefore, loseBefore } from '../support/at-commit.ts';
import { startAttemptParts } from '../support/attempt-parts.ts';

const { options, task, claimed, statusOf, idsIn } = await startAttemptParts({ after });
const direct = await startAttemptParts({ after }, { isDirect: true });

/** Which of the commits that are asked for Postgres answers with ROLLBACK, and before which the connection is lost. */
let refused: number[] = [];
let lost: number[] = [];
let commits = 0;
for (const attempts of [options.pool, direct.options.pool, direct.options.dataNodes.next()])
  attempts.on('connect', (client) =>
    atCommit(client, () => {
      const place = commits++;
      return refused.includes(place) ? failBefore : lost.includes(place) ? loseBefore : undefined;
    }),
  );
afterEach(() => {
  refused = [];
  lost = [];
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

test('a file, and a batch, whose connection is lost before the commit is to be tried again', async () => {
  const file = await claimed('lost.ndjson', 'Patient', [{ id: 'lost' }]);
  for (const attempt of [
    () => loadFile({ ...task, ...file }, options),
    () => loadBatch({ ...task, files: [file] }, options),
  ]) {
    lost = [commits];
    assert.equal((await attempt()).kind, 'retry');
    assert.deepEqual([await statusOf(file), await idsIn('Patient')], ['in-progress', []]);
  }
});

test('a file whose data connection is lost before the commit of its rows goes back to the queue', async () => {
  const file = await direct.claimed('lost.ndjson', 'Practitioner', [{ id: 'lost' }]);
  lost = [1];
  assert.equal((await loadFile({ ...direct.task, ...file }, direct.options)).kind, 'retry');
  assert.deepEqual([await direct.statusOf(file), await direct.idsIn('Practitioner')], ['pending', []]);
});
