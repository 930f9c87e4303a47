import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { patients } from '../../support/ndjson.ts';
import { startTestServer } from '../../support/test-server.ts';
import { waitFor } from '../../support/wait-for.ts';
import { addressOf, browserOfFile, loadOf, PAGE_TEST, rowOf, untilText } from './page-test.ts';

const server = await startTestServer({ after });
const open = browserOfFile();

test('a watched bucket is marked in the list; its page has the pace and ends the watch', PAGE_TEST, async (t) => {
  const bucket = await server.bucketOf({ 'Patient-1.ndjson': patients(2, 'page') });
  const params = { bucket: `s3://${bucket}`, account: server.s3.account, every: '1h' };
  const { status } = await server.rpc('fhir-bucket-loader/watch', params);
  assert.equal(status, 200);
  await server.ended(bucket);
  const { page, complaints } = await open(t, server.url);
  await untilText(rowOf(page, bucket), /· watched/);
  await page.goto(addressOf(server, bucket));
  const load = loadOf(page, bucket);
  await untilText(load, /Listed every 1h, next at /);
  await load.getByRole('button', { name: 'End watch' }).click();
  await untilText(load, /is no longer watched/);
  await waitFor(async () => !(await load.getByText('Listed every').isVisible()), { what: 'the end of the line' });
  assert.deepEqual(await server.sql('select from fhir_bucket_loader.bucket_watch'), []);
  assert.deepEqual(complaints, []);
});
