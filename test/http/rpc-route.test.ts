import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { patients } from '../support/ndjson.ts';
import { startTestServer } from '../support/test-server.ts';

const LOAD = 'aidbox.bulk/load-from-bucket';
const STATUS = 'aidbox.bulk/load-from-bucket-status';

const server = await startTestServer({ after });
const bucket = await server.bucketOf({ 'Patient.ndjson.gz': patients(2) });
await server.load(bucket);

describe('POST /rpc', () => {
  const post = async (body: string, headers: Record<string, string> = {}, path = '/rpc') => {
    const response = await fetch(`${server.url}${path}`, { method: 'POST', headers, body });
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  };
  const statusCall = () => JSON.stringify({ method: STATUS, params: { bucket: `s3://${bucket}` } });
  const json = { 'content-type': 'application/json' };
  const done = { state: 'completed', progress: { total: 1, done: 1 } };

  test("a curl user's YAML gets Aidbox's answers in YAML, line by line", async () => {
    const fresh = await server.bucketOf({
      'fhir/1/Patient.ndjson.gz': patients(1, 'yaml-a'),
      'fhir/1/patient-01.ndjson.gz': patients(1, 'yaml-b'),
    });
    const { account } = server.s3;
    const yaml = { 'content-type': 'text/yaml', accept: 'text/yaml' };
    const started = await post(
      `method: ${LOAD}
params:
  bucket: s3://${fresh}
  thread-num: 4
  account:
    access-key-id: ${account['access-key-id']}
    secret-access-key: ${account['secret-access-key']}
    region: ${account.region}
    host: ${account.host}
`,
      yaml,
    );
    assert.deepEqual(started, {
      status: 200,
      type: 'text/yaml; charset=utf-8',
      text: `result:
  message: Upload from bucket <s3://${fresh}> started. 2 new files added.
  progress:
    total: 2
  new-files-count: 2
`,
    });
    await server.ended(fresh);
    assert.deepEqual(await post(`method: ${STATUS}\nparams:\n  bucket: s3://${fresh}\n`, yaml), {
      status: 200,
      type: 'text/yaml; charset=utf-8',
      text: `result:
  state: completed
  progress:
    total: 2
    done: 2
`,
    });
  });

  test('answers JSON with no preference, whatever the request was written in', async () => {
    for (const type of ['application/json', 'text/yaml', 'application/yaml', 'application/x-yaml']) {
      const answer = await post(statusCall(), { 'content-type': type });
      assert.equal(answer.status, 200);
      assert.equal(answer.type, 'application/json; charset=utf-8');
      assert.deepEqual(JSON.parse(answer.text), { result: done });
    }
  });

  test('takes no notice of ?_m=, which the vendor’s UI sends besides the method', async () => {
    const answer = await post(statusCall(), json, `/rpc?_m=${STATUS}`);
    assert.deepEqual([answer.status, JSON.parse(answer.text)], [200, { result: done }]);
  });

  test('answers a batch in order, each with its own outcome and jsonrpc and id echoed', async () => {
    const params = { bucket: `s3://${bucket}` };
    const answer = await post(
      JSON.stringify([
        { jsonrpc: '2.0', id: 7, method: STATUS, params },
        { method: 'no/such-method' },
        { id: 'b', method: STATUS, params: { bucket: 's3://never-loaded' } },
        { method: STATUS, params },
        17,
      ]),
      json,
    );
    assert.equal(answer.status, 200);
    const [first, second, third, fourth, fifth, ...more] = JSON.parse(answer.text);
    assert.deepEqual(first, { jsonrpc: '2.0', id: 7, result: done });
    assert.match(
      second.error.message,
      /^Unknown method no\/such-method\. Known methods: aidbox\.bulk\/load-from-bucket,/,
    );
    assert.deepEqual(third, {
      id: 'b',
      error: { message: 'Bucket <s3://never-loaded> was never loaded. Start with aidbox.bulk/load-from-bucket.' },
    });
    assert.deepEqual(fourth, { result: done });
    assert.match(fifth.error.message, /^A request must be an object with method/);
    assert.deepEqual(more, []);
  });
});
