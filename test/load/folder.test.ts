import assert from 'node:assert/strict';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { ndjsonGzip } from '../support/ndjson.ts';
import { type RpcBody, startTestServer } from '../support/test-server.ts';
import { waitFor } from '../support/wait-for.ts';

const root = await realpath(await mkdtemp(join(tmpdir(), 'folder-load-')));
const server = await startTestServer({ after }, { env: { LOADER_FILE_ROOTS: `/nowhere${delimiter}${root}/` } });
after(() => rm(root, { recursive: true, force: true }));

const LOAD = 'aidbox.bulk/load-from-bucket';

async function statusOf(bucket: string): Promise<unknown> {
  let answer: RpcBody = {};
  await waitFor(
    async () => {
      answer = (await server.rpc(`${LOAD}-status`, { bucket })).body;
      return !JSON.stringify(answer).includes('in-progress');
    },
    { what: 'the end of the load' },
  );
  return answer.result;
}

describe('A local folder as a bucket', () => {
  test('is loaded like any other, and called again adds what is new', async () => {
    const folder = join(root, 'nightly export');
    await mkdir(join(folder, 'fhir'), { recursive: true });
    await writeFile(join(folder, 'fhir', 'Patient.ndjson.gz'), ndjsonGzip([{ id: 'a' }, { id: 'b' }]));
    await writeFile(join(folder, 'notes.txt'), 'no resource');
    const bucket = pathToFileURL(folder).href;
    const { status, body } = await server.rpc(LOAD, { bucket: `${bucket}/` });
    assert.equal(status, 200, JSON.stringify(body));
    assert.partialDeepStrictEqual(body.result, { 'new-files-count': 1 });
    assert.match(JSON.stringify(body.result), /1 file ignored for its name/);
    assert.deepEqual(await statusOf(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
    const rows = await server.sql(`select id, resource from patient order by id`);
    assert.deepEqual(
      rows.map(({ id }) => id),
      ['a', 'b'],
    );
    const [file] = await server.sql<{ resource: object }>('select resource from loaderfile');
    assert.partialDeepStrictEqual(file?.resource, {
      bucket,
      file: 'fhir/Patient.ndjson.gz',
      status: 'done',
      loaded: 2,
    });

    await writeFile(join(folder, 'Observation.ndjson'), '{"id":"o"}\n{}\n');
    await server.rpc(LOAD, { bucket, 'max-errors': 1 });
    assert.partialDeepStrictEqual(await statusOf(bucket), { state: 'completed', progress: { total: 2, done: 2 } });
    const [error] = await server.sql<{ resource: object }>('select resource from loadererror');
    assert.partialDeepStrictEqual(error?.resource, { bucket, file: 'Observation.ndjson', line: 2, code: 'id-missing' });
  });

  test('a file whose name is not UTF-8 is ignored, counted and named; the others are loaded', async (t) => {
    const folder = join(root, 'latin-1');
    await mkdir(folder);
    await writeFile(join(folder, 'Goal-1.ndjson'), '{"id":"g"}');
    try {
      await writeFile(Buffer.from(join(folder, 'Goal-é.ndjson'), 'latin1'), '{"id":"h"}');
    } catch {
      return t.skip('the file system takes UTF-8 alone');
    }
    const bucket = pathToFileURL(folder).href;
    const planned = await server.rpc(LOAD, { bucket, 'dry-run?': true });
    assert.partialDeepStrictEqual(planned.body.result, {
      'dry-run': {
        'ignored-files-count': 1,
        'ignored-files': [
          {
            file: 'Goal-\udce9.ndjson',
            reason: 'its name, or that of a folder above, is not UTF-8 (byte 0xE9); rename it',
          },
        ],
      },
    });
    const { status, body } = await server.rpc(LOAD, { bucket });
    assert.equal(status, 200, JSON.stringify(body));
    assert.match(JSON.stringify(body.result), /1 new files added\. 1 file ignored for its name/);
    assert.deepEqual(await statusOf(bucket), { state: 'completed', progress: { total: 1, done: 1 } });
  });

  test('a folder that no root allows is refused, and nothing is queued', async () => {
    const { status, body } = await server.rpc(LOAD, { bucket: 'file:///etc' });
    assert.deepEqual([status, body.error?.code], [422, 'folder-not-allowed']);
    assert.match(body.error?.message ?? '', /LOADER_FILE_ROOTS .*file:\/\/\/etc/);
    assert.deepEqual(await server.sql(`select from loaderfile where resource ->> 'bucket' = 'file:///etc'`), []);
  });

  test('what is no folder, and an account for one, is refused by the parameter', async () => {
    for (const bucket of ['file://host/x', 'file:relative', 'file:///x?y', 'file:///x%2Fy', 'ftp://x/y', '/x']) {
      const { status, body } = await server.rpc(LOAD, { bucket });
      assert.deepEqual([status, body.error?.errors?.[0]?.path], [422, 'bucket'], bucket);
    }
    const account = { 'access-key-id': 'k', 'secret-access-key': 's', region: 'us-east-1' };
    const { status, body } = await server.rpc(LOAD, { bucket: pathToFileURL(root).href, account });
    assert.deepEqual([status, body.error?.errors?.map(({ path }) => path)], [422, ['account']]);
  });
});
