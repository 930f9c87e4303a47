import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { after, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { patients } from '../support/ndjson.ts';
import { startTestServer } from '../support/test-server.ts';

const run = promisify(execFile);
const skip = spawnSync('curl', ['--version']).status === 0 ? false : 'curl is not installed';
const server = await startTestServer({ after }, { env: { BOX_ROOT_CLIENT_SECRET: 'open sesame' } });

describe('curl', { skip }, () => {
  const curl = async (...args: string[]) => {
    const { stdout } = await run('curl', [
      '-s',
      '-w',
      '\n%{http_code} %{content_type}',
      '-u',
      'root:open sesame',
      ...args,
    ]);
    const [, text = '', status = '', type = ''] = /^(.*)\n(\d+) (.*)$/s.exec(stdout) ?? [];
    return { status: Number(status), type, text };
  };
  const callOf = (bucket: string) => `method: aidbox.bulk/load-from-bucket
params:
  bucket: s3://${bucket}
  account:
    access-key-id: ${server.s3.account['access-key-id']}
    secret-access-key: ${server.s3.account['secret-access-key']}
    region: ${server.s3.account.region}
    host: ${server.s3.account.host}
`;
  const ended = async (bucket: string) => {
    for (;;) {
      const answer = await curl(
        '-H',
        'content-type: application/json',
        '-d',
        JSON.stringify({ method: 'aidbox.bulk/load-from-bucket-status', params: { bucket: `s3://${bucket}` } }),
        `${server.url}/rpc`,
      );
      const { result } = JSON.parse(answer.text);
      if (result.state !== 'in-progress') return result;
    }
  };

  test('YAML from the command line, and the state afterwards', async () => {
    const bucket = await server.bucketOf({ 'Patient.ndjson.gz': patients(2) });
    const started = await curl(
      '-H',
      'content-type: text/yaml',
      '-H',
      'accept: text/yaml',
      '--data-binary',
      callOf(bucket),
      `${server.url}/rpc`,
    );
    assert.deepEqual(started, {
      status: 200,
      type: 'text/yaml; charset=utf-8',
      text: `result:
  message: Upload from bucket <s3://${bucket}> started. 1 new files added.
  progress:
    total: 1
  new-files-count: 1
`,
    });
    assert.deepEqual(await ended(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
  });

  test('-d alone, which says application/x-www-form-urlencoded, is told what to send', async () => {
    const answer = await curl('-d', '{"method": "x"}', `${server.url}/rpc`);
    assert.equal(answer.status, 415);
    assert.match(JSON.parse(answer.text).error.message, /^Send JSON \(content-type: application\/json\)/);
  });

  test('--json, and a body in chunks of unknown length', async () => {
    const unknown = '{"method": "nope"}';
    for (const args of [
      ['--json', unknown],
      ['-H', 'content-type: application/json', '-H', 'transfer-encoding: chunked', '-d', unknown],
    ]) {
      const answer = await curl(...args, `${server.url}/rpc`);
      assert.deepEqual([answer.status, JSON.parse(answer.text).error.method], [404, 'nope']);
    }
  });

  test('deletes by id and by condition, with and without a content type', async () => {
    const bucket = await server.bucketOf({ 'Patient-1.ndjson': 'no json', 'Patient-2.ndjson': 'no json' });
    await curl('-H', 'content-type: text/yaml', '--data-binary', callOf(bucket), `${server.url}/rpc`);
    await ended(bucket);
    const where = `${server.url}/LoaderFile?bucket=s3://${bucket}&.status=error`;
    const found = JSON.parse((await curl(where)).text);
    assert.equal(found.total, 2);
    const { id } = found.entry[0].resource;
    const one = await curl(
      '-X',
      'DELETE',
      '-H',
      'content-type: application/json',
      `${server.url}/fhir/LoaderFile/${id}`,
    );
    assert.deepEqual([one.status, JSON.parse(one.text).id], [200, id]);
    const all = await curl('-X', 'DELETE', '-H', 'x-conditional-delete: remove-all', where);
    assert.deepEqual([all.status, JSON.parse(all.text).total], [200, 1]);
    assert.equal((await curl('-X', 'DELETE', where)).status, 204);
  });

  test('-f ends with an error code where the answer is none', async () => {
    const failing = run('curl', ['-sf', '-u', 'root:wrong', `${server.url}/LoaderFile`]);
    await assert.rejects(failing, (error: unknown) => error instanceof Error && 'code' in error && error.code === 22);
  });
});
