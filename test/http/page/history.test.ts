import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { patients } from '../../support/ndjson.ts';
import { S3FaultProxy } from '../../support/s3-fault-proxy.ts';
import { startTestServer } from '../../support/test-server.ts';
import { waitFor } from '../../support/wait-for.ts';
import { violationsOf } from './accessibility.ts';
import {
  addressOf,
  browserOfFile,
  largePatients,
  loadOf,
  PAGE_TEST,
  tabTo,
  textOf,
  untilState,
  untilText,
} from './page-test.ts';

const open = browserOfFile();

test(
  'a run that nobody watched: start, end, duration, average, parameters, failures, rate curve',
  PAGE_TEST,
  async (t) => {
    const server = await startTestServer(t);
    const proxy = await S3FaultProxy.start(t, server.s3);
    const bucket = await server.bucketOf({
      'Patient-1.ndjson.gz': largePatients(120, 'a'),
      'Patient-2.ndjson': 'oops',
    });
    proxy.rule = ({ key }) => (key === '' ? undefined : { kind: 'trickle', chunkBytes: 1_000, everyMs: 50 });
    const started = await server.startLoad(bucket, {
      account: proxy.account,
      'thread-num': 3,
      scheduler: 'by-last-modified',
    });
    assert.equal(started.status, 200, JSON.stringify(started.body));
    const points = 'select count(*)::int as points from fhir_bucket_loader.load_run_rate where bytes > 0';
    await waitFor(async () => ((await server.sql<{ points: number }>(points))[0]?.points ?? 0) >= 3, {
      what: 'three points of the curve',
    });
    proxy.rule = () => undefined;
    await server.ended(bucket);

    const { page, complaints } = await open(t, addressOf(server, bucket));
    const load = loadOf(page, bucket);
    const shown = await untilText(load, /History\n/);
    assert.match(shown, /ended \w+ \d+, \d{4}, \d\d:\d\d:\d\d/);
    assert.match(shown, /Took\s+[\d.]+ s\n[\s\S]*Average resources\/s\s+\d+/);
    assert.match(shown, /Rate\n+Resources per second\s+highest \d+/);
    const kept = load.getByRole('slider', { name: 'Resources per second, over time' });
    assert.ok(Number(await kept.getAttribute('aria-valuemax')) >= 2);

    const run = load.locator('.run');
    assert.match(
      await textOf(run),
      /^With failures\s+\w+ \d+, \d{4}, \d\d:\d\d:\d\d\s+[\d.]+ s\s+120 resources\s+\d+\/s\s+1 file failed$/,
    );
    await tabTo(page, /^With failures /);
    await page.keyboard.press('Enter');
    const details = await untilText(run, /1 call\n/);
    assert.match(details, /Start\s+\w+ \d+, \d{4}, [\d:]+\s+End\s+\w+ \d+, \d{4}, [\d:]+\s+Duration\s+[\d.]+ s/);
    assert.match(details, /Average\s+\d+ resources\/s, [\d.]+ kB\/s/);
    assert.match(details, /Files\s+1 done, 1 failed\s/);
    assert.match(details, /Failures\s+not-json\s+1 file\n/);
    assert.match(details, /from 127\.0\.0\.1 by way of the API: 2 new files/);
    assert.match(
      details,
      /thread-num: 3[\s\S]*scheduler: "by-last-modified"|scheduler: "by-last-modified"[\s\S]*thread-num: 3/,
    );
    assert.ok(!details.includes(proxy.account['secret-access-key']), 'the secret is shown');
    const curve = run.getByRole('slider', { name: 'Bytes per second, over time' });
    assert.match((await curve.getAttribute('aria-valuetext')) ?? '', / at \d\d:\d\d:\d\d$/);
    assert.deepEqual(await violationsOf(page), []);
    assert.deepEqual(complaints, []);
  },
);

/** A server with a folder that it may load by itself: no call brings credentials for it. */
async function startWithFolder(t: TestContext, files: Readonly<Record<string, object[]>>) {
  const folder = await mkdtemp(join(tmpdir(), 'page-folder-'));
  t.after(() => rm(folder, { recursive: true }));
  const server = await startTestServer(t, { env: { LOADER_FILE_ROOTS: folder } });
  for (const [name, lines] of Object.entries(files))
    await writeFile(join(folder, name), lines.map((line) => JSON.stringify(line)).join('\n'));
  const bucket = pathToFileURL(folder).href;
  const load = async () => {
    const { status, body } = await server.rpc('aidbox.bulk/load-from-bucket', { bucket });
    assert.equal(status, 200, JSON.stringify(body));
    const read = async () => (await server.rpc('aidbox.bulk/load-from-bucket-status', { bucket })).body.result;
    await waitFor(async () => ((await read()) as { state: string }).state !== 'in-progress', {
      what: 'the end of the load',
    });
  };
  const address = `${server.url}/#/load/${encodeURIComponent(bucket)}`;
  return { server, bucket, load, address };
}

test('where the server has credentials of its own, files are retried and loaded in one step', PAGE_TEST, async (t) => {
  const { server, bucket, load, address } = await startWithFolder(t, { 'Patient-1.ndjson': patients(3, 'there') });
  await load();
  await server.sql(`update loaderfile set resource = resource || '{"status": "pending"}'`);
  await load();
  assert.equal((await server.sql(`select from loaderfile where resource ->> 'status' = 'error'`)).length, 1);
  const { page, complaints } = await open(t, address);
  const shown = page.getByRole('article', { name: bucket });
  await untilText(shown, /Retry the failed file and load/);
  assert.equal(await shown.locator('.run').count(), 2);

  await server.sql('delete from patient');
  await shown.getByRole('button', { name: 'Retry the failed file and load' }).click();
  const ended = await untilState(shown, /^Completed$/);
  assert.match(ended, /Files done\s+1 of 1/);
  assert.equal((await server.sql('select from patient')).length, 3);
  await waitFor(async () => (await shown.locator('.run').count()) === 3, { what: 'the third run' });
  assert.deepEqual(complaints, []);
});

test('an interrupted load of the server’s own credentials is loaded again by a button', PAGE_TEST, async (t) => {
  const { server, bucket, load, address } = await startWithFolder(t, { 'Patient-1.ndjson': patients(3, 'there') });
  await load();
  await server.sql(`update loaderfile set resource = resource || '{"status": "pending"}'`);
  await server.sql('delete from patient');
  const { page, complaints } = await open(t, address);
  const shown = page.getByRole('article', { name: bucket });
  await untilState(shown, /^Interrupted$/);
  await shown.getByRole('button', { name: 'Load again' }).click();
  await untilState(shown, /^Completed$/);
  assert.equal((await server.sql('select from patient')).length, 3);
  assert.equal(await shown.getByRole('button', { name: 'Load again' }).count(), 0);
  assert.deepEqual(complaints, []);
});
