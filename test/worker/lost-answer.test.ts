import assert from 'node:assert/strict';
import { after, afterEach, test } from 'node:test';
import { pino } from 'pino';
import { AttemptRecovery } from '../../src/target/attempt-recovery.ts';
import { identifyFile } from '../../src/target/partitioned/file-identity.ts';
import type { FileOutcome } from '../../src/worker/file-task.ts';
import { loadBatch } from '../../src/worker/load-batch.ts';
import { loadFile } from '../../src/worker/load-file.ts';
import { type AtCommit, atCommit } from '../support/at-commit.ts';
import { type AttemptParts, type ClaimedFile, startAttemptParts } from '../support/attempt-parts.ts';

const plain = await startAttemptParts({ after });
const direct = await startAttemptParts({ after }, { isDirect: true });

/** What happens at each commit that is asked for, by its place, instead of an answer. */
let instead = new Map<number, AtCommit>();
let commits = 0;
for (const attempts of [plain.options.pool, direct.options.pool, direct.options.dataNodes.next()])
  attempts.on('connect', (client) => atCommit(client, () => instead.get(commits++)));
afterEach(() => {
  instead = new Map();
  commits = 0;
});

/** Another replica resolves what it finds. */
const recover = async ({ pool }: AttemptParts) => {
  const recovery = new AttemptRecovery(pool, pino({ level: 'silent' }));
  await recovery.look();
  await recovery.close();
};

/** As pg words it. */
const CUT = 'Connection terminated unexpectedly';
const rows = [{ id: 'a' }, { id: 'b' }];
const single = (parts: AttemptParts, backends: number) => (file: ClaimedFile) =>
  loadFile({ ...parts.task, ...file, backends }, parts.options);
const inBatch = async (file: ClaimedFile): Promise<FileOutcome> => {
  const outcome = await loadBatch({ ...plain.task, files: [file] }, plain.options);
  if (outcome.kind !== 'batch') return outcome;
  const [of] = outcome.files;
  assert.ok(of !== undefined);
  return of;
};

/** Each way's last commit, at which the file is in. */
const WAYS = [
  { name: 'by itself', type: 'Patient', parts: plain, attempt: single(plain, 1), last: 0 },
  { name: 'in a batch', type: 'Person', parts: plain, attempt: inBatch, last: 0 },
  { name: 'over several backends', type: 'Device', parts: plain, attempt: single(plain, 3), last: 0, skip: plain.skip },
  { name: 'by a data connection', type: 'Patient', parts: direct, attempt: single(direct, 1), last: 2 },
] as const;

for (const { name, type, parts, attempt, last, ...way } of WAYS)
  test(`a file ${name} is told as done, with its figures, though nobody answered its commit`, way, async () => {
    const file = await parts.claimed(`${type}.ndjson`, type, rows);
    instead.set(last, async (carryOut) => {
      await carryOut();
      await recover(parts);
      throw new Error(CUT);
    });
    const outcome = await attempt(file);
    assert.equal(outcome.kind, 'done');
    assert.equal('figures' in outcome && outcome.figures.rows, rows.length);
    assert.deepEqual([await parts.statusOf(file), await parts.idsIn(type)], ['done', ['a', 'b']]);
  });

test('so is one over several backends that somebody else completes, and ends the backends of', {
  skip: plain.skip,
}, async () => {
  const file = await plain.claimed('completed.ndjson', 'Basic', rows);
  const { key } = await identifyFile(plain.pool, file.id);
  instead.set(0, async (carryOut) => {
    const answer = await carryOut();
    await recover(plain);
    await plain.pool.query(
      `select pg_terminate_backend(pid, 10000) from pg_stat_activity
        where datname = current_database() and application_name like '%' || $1 || '%'`,
      [key],
    );
    return answer;
  });
  const outcome = await single(plain, 3)(file);
  assert.equal(outcome.kind, 'done');
  assert.deepEqual([await plain.statusOf(file), await plain.idsIn('Basic')], ['done', ['a', 'b']]);
});

const cut = async () => {
  throw new Error(CUT);
};

for (const [name, type, attempt] of [
  ['by itself', 'Media', single(plain, 1)],
  ['in a batch', 'Account', inBatch],
] as const)
  test(`a file ${name} that is given up before its commit is carried out has no row, and is not told as done`, async () => {
    const file = await plain.claimed(`${type}.ndjson`, type, rows);
    instead.set(0, cut);
    assert.equal((await attempt(file)).kind, 'retry');
    assert.deepEqual([await plain.statusOf(file), await plain.idsIn(type)], ['in-progress', []]);
  });

test('one over several backends is loaded by one then, and has its rows once', { skip: plain.skip }, async () => {
  const file = await plain.claimed('Endpoint.ndjson', 'Endpoint', rows);
  instead.set(0, cut);
  assert.equal((await single(plain, 3)(file)).kind, 'done');
  assert.deepEqual([await plain.statusOf(file), await plain.idsIn('Endpoint')], ['done', ['a', 'b']]);
});
