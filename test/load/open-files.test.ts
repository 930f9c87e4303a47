import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ndjsonGzip, patients } from '../support/ndjson.ts';
import { startS3Endpoint } from '../support/s3-endpoint.ts';
import { ServerProcess } from '../support/server-process.ts';
import { createTestDatabase } from '../support/test-database.ts';
import { waitFor } from '../support/wait-for.ts';

test('with few open files allowed, files wait for one another and none fails', async (t) => {
  const { url: databaseUrl } = await createTestDatabase(t);
  const s3 = await startS3Endpoint(t);
  const bucket = await s3.createBucket();
  const files = 24;
  for (let n = 0; n < files; n++) {
    await s3.putObject(bucket, `Patient-${n}.ndjson.gz`, ndjsonGzip(patients(400, `p${n}`)));
  }
  const server = await ServerProcess.start(t, { databaseUrl, openFiles: 64 });
  const params = { bucket: `s3://${bucket}`, account: s3.account, 'thread-num': files };
  assert.equal((await server.rpc('load-from-bucket', params)).status, 200);
  const ended = await waitFor(
    async () => {
      const { body } = await server.rpc('load-from-bucket-status', { bucket: `s3://${bucket}` });
      const result = body.result as { state: string } | undefined;
      return result !== undefined && result.state !== 'in-progress' && result;
    },
    { what: 'the end of the load' },
  );
  assert.deepEqual(ended, { state: 'completed', progress: { total: files, done: files } });
});
