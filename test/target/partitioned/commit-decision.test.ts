import assert from 'node:assert/strict';
import { after, beforeEach, test } from 'node:test';
import { addLoaderFiles } from '../../../src/store/loader-file/add-loader-files.ts';
import { loaderFileId } from '../../../src/store/loader-file/loader-file.ts';
import {
  completeDecision,
  findDecidedAttempt,
  listDecidedFiles,
  recordDecision,
} from '../../../src/target/partitioned/commit-decision.ts';
import { migratedClient } from '../../support/migrated-client.ts';

const BUCKET = 's3://decided';
const client = await migratedClient({ after });
const id = loaderFileId(BUCKET, 'Patient.ndjson');
const DECISION = { attempt: 'mine', partitions: 2, loaded: 5, counts: { references: { resolved: 1 } } };

const inProgress = async () => {
  await addLoaderFiles(client, BUCKET, [{ key: 'Patient.ndjson', type: 'Patient' }]);
  await client.query(
    `update loaderfile set resource = resource || '{"status": "in-progress", "message": "57P01: once", "error": {"code": "57P01"}}'`,
  );
};

const stored = async () => {
  const { rows } = await client.query<{ resource: Record<string, unknown> }>(
    `select resource - '{bucket,file,type}'::text[] as resource from loaderfile`,
  );
  return rows[0]?.resource;
};

beforeEach(async () => {
  await client.query('truncate loaderfile, fhir_bucket_loader.commit_decision');
  await inProgress();
});

test('a decided file becomes done with all that its attempt has counted, and says no more of attempts before', async () => {
  await recordDecision(client, id, DECISION);
  await completeDecision(client, id, 'mine');
  const { end, ...done } = (await stored()) ?? {};
  assert.ok(typeof end === 'string');
  assert.deepEqual(done, { status: 'done', loaded: 5, references: { resolved: 1 } });
  assert.deepEqual(await listDecidedFiles(client), []);
});

test('only by the attempt that was decided', async () => {
  await recordDecision(client, id, DECISION);
  await completeDecision(client, id, 'another');
  assert.deepEqual([(await stored())?.['status'], await findDecidedAttempt(client, id)], ['in-progress', 'mine']);
});

test('not where it was deleted meanwhile and queued again: that one’s rows are yet to come', async () => {
  await recordDecision(client, id, DECISION);
  await client.query('truncate loaderfile');
  await inProgress();
  await completeDecision(client, id, 'mine');
  assert.equal((await stored())?.['status'], 'in-progress');
  assert.deepEqual(await listDecidedFiles(client), []);
});

test('nothing is decided of a file that is gone', async () => {
  await client.query('truncate loaderfile');
  await assert.rejects(recordDecision(client, id, DECISION), { message: `LoaderFile ${id} is gone` });
});

test('what another schema’s loader has decided of the same object, whose file has the same id, is not this one’s', async () => {
  await recordDecision(client, id, DECISION);
  await client.query('update fhir_bucket_loader.commit_decision set queue = 0');
  assert.equal(await findDecidedAttempt(client, id), undefined);
  assert.deepEqual([await listDecidedFiles(client), await listDecidedFiles(client, BUCKET)], [[], []]);
  await completeDecision(client, id, 'mine');
  assert.equal((await stored())?.['status'], 'in-progress');
});
