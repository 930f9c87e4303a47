import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { patients } from '../support/ndjson.ts';
import { startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';
import { createAidboxClient } from './aidbox-client.ts';

const secret = 'open sesame: ä';
const server = await startTestServer({ after }, { env: { BOX_ROOT_CLIENT_SECRET: secret } });
const client = await createAidboxClient(server.url, 'root', secret);

const rpc = async (body: object, yaml = false) => {
  const method = 'method' in body ? body.method : '';
  const { response, responseHeaders } = await client.rawRequest({
    method: 'POST',
    url: '/rpc',
    params: [['_m', String(method)]],
    ...(yaml ? { headers: { Accept: 'text/yaml' } } : {}),
    body: JSON.stringify(body),
  });
  return { type: responseHeaders['content-type'], text: await response.text() };
};
const loadAndWait = async (bucket: string) => {
  const params = { bucket: `s3://${bucket}`, account: server.s3.account };
  const started = JSON.parse((await rpc({ method: 'aidbox.bulk/load-from-bucket', params })).text);
  const status = { method: 'aidbox.bulk/load-from-bucket-status', params: { bucket: `s3://${bucket}` } };
  const ended = await waitFor(
    async () => {
      const { result } = JSON.parse((await rpc(status)).text);
      return result.state !== 'in-progress' && result;
    },
    { what: 'the end of the load' },
  );
  return { started: started.result, ended };
};

describe("Aidbox's own client", () => {
  test('starts a load, follows it, and reads YAML when it asks for that', async () => {
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': patients(3) });
    const { started, ended } = await loadAndWait(bucket);
    assert.equal(started['new-files-count'], 1);
    assert.deepEqual(ended, { state: 'completed', progress: { total: 1, done: 1 } });
    const status = { method: 'aidbox.bulk/load-from-bucket-status', params: { bucket: `s3://${bucket}` } };
    assert.deepEqual(await rpc(status, true), {
      type: 'text/yaml; charset=utf-8',
      text: 'result:\n  state: completed\n  progress:\n    total: 1\n    done: 1\n',
    });
  });

  test('gets an error that is no 2xx thrown, with the message in the body', async () => {
    await assert.rejects(rpc({ method: 'aidbox.bulk/load-from-bucket-status', params: {} }), (error: unknown) => {
      assert.ok(error instanceof Error);
      assert.equal(error.message, 'HTTP 422: Unprocessable Entity');
      return true;
    });
  });

  test('searches, reads and deletes LoaderFiles as it does any resource', async () => {
    const bucket = await server.bucketOf({ 'Patient-1.ndjson': patients(1, 'x'), 'Patient-2.ndjson': 'no json' });
    await loadAndWait(bucket);
    const find = async (...query: [string, string][]) => {
      const { resource } = (
        await client.searchType({ type: 'LoaderFile', query: [['bucket', `s3://${bucket}`], ...query] })
      ).value;
      assert.equal(resource.resourceType, 'Bundle');
      return (resource.entry ?? []).map((entry) => entry.resource);
    };
    const [failed, ...more] = await find(['status', 'error']);
    assert.ok(failed !== undefined && more.length === 0);
    const read = await client.read({ type: 'LoaderFile', id: failed.id });
    assert.deepEqual(read.value.resource, failed);

    const deleted = await client.delete({ type: 'LoaderFile', id: failed.id });
    assert.deepEqual(deleted.value.resource, failed);
    const gone = await client.delete({ type: 'LoaderFile', id: failed.id });
    assert.equal(gone.value.response.status, 204);

    await client.conditionalDelete({ type: 'LoaderFile', searchParameters: [['bucket', `s3://${bucket}`]] });
    assert.deepEqual(await find(), []);
  });
});
