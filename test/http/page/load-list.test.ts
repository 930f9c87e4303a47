import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import type { Page } from 'playwright-core';
import { patients } from '../../support/ndjson.ts';
import { startTestServer } from '../../support/test-server.ts';
import { waitFor } from '../../support/wait-for.ts';
import { violationsOf } from './accessibility.ts';
import { addressOf, browserOfFile, focused, loadOf, PAGE_TEST, rowOf, textOf, untilText } from './page-test.ts';
import { failFiles, seedLoad } from './seeded-loads.ts';

const open = browserOfFile();

/** Twenty loads: five each completed, with failures, interrupted, with lines left out; called one after the other. */
const twenty = startTestServer({ after }).then(async (server) => {
  for (let n = 1; n <= 20; n++) {
    const bucket = `bucket-${String(n).padStart(2, '0')}`;
    const kinds = ['{"status": "done", "loaded": 10, "lines-left-out": 2}', '{"status": "pending"}'];
    await seedLoad(server, bucket, 4 + n, kinds[(n % 4) - 2]);
    if (n % 4 === 1) await failFiles(server, bucket, 4, { source: 'aidbox', code: 'not-json', message: 'line 3: bad' });
    await server.sql(
      `update fhir_bucket_loader.bucket_load set called_at = now() - (20 - $2::int) * interval '1 hour' where bucket = $1`,
      [`s3://${bucket}`, n],
    );
  }
  return server;
});

const shownBuckets = async (page: Page) => await page.locator('.load-row a').allTextContents();

/** Waits until so many loads are listed. */
async function untilListed(page: Page, count: number): Promise<string[]> {
  return await waitFor(
    async () => {
      const buckets = await shownBuckets(page);
      return buckets.length === count && buckets;
    },
    { what: `${count} loads` },
  );
}

test('twenty loads fit on one screen, one line each: state, bucket, bar, failures, when', PAGE_TEST, async (t) => {
  const { url } = await twenty;
  const { page, complaints } = await open(t, url, { viewport: { width: 1280, height: 900 } });
  const buckets = await untilListed(page, 20);
  assert.deepEqual([buckets[0], buckets[19]], ['s3://bucket-20', 's3://bucket-01']);
  const bottom = await page.evaluate('document.querySelector(".loads").getBoundingClientRect().bottom');
  assert.ok(Number(bottom) <= 900, `the last line ends at ${bottom}`);
  const heights = await page.locator('.load-row').evaluateAll((rows) => rows.map((row) => row.clientHeight));
  assert.ok(Math.max(...heights) < 45, String(heights));

  const row = async (n: string) => (await textOf(rowOf(page, `bucket-${n}`))).replaceAll(/\s+/g, ' ');
  assert.match(await row('20'), /^Completed s3:\/\/bucket-20 100% \d\d:\d\d$/);
  assert.match(await row('01'), /^With failures s3:\/\/bucket-01 80% 1 file (\w+ \d+, )?\d\d:\d\d$/);
  assert.match(await row('02'), /^Lines left out s3:\/\/bucket-02 100% 12 lines /);
  assert.match(await row('03'), /^Interrupted s3:\/\/bucket-03 0% /);
  assert.deepEqual(await violationsOf(page), []);
  assert.deepEqual(complaints, []);
});

test('loads are filtered, found and sorted, and the address keeps how', PAGE_TEST, async (t) => {
  const { url } = await twenty;
  const { page, complaints } = await open(t, url, { viewport: { width: 1280, height: 900 } });
  await untilListed(page, 20);
  await page.getByRole('button', { name: 'Completed 5' }).click();
  assert.deepEqual(
    await shownBuckets(page),
    ['20', '16', '12', '08', '04'].map((n) => `s3://bucket-${n}`),
  );
  await page.getByRole('button', { name: 'Need attention 15' }).click();
  await untilListed(page, 15);
  await page.keyboard.press('/');
  assert.equal(await focused(page), 'Find a bucket');
  await page.keyboard.type('BUCKET-1');
  assert.deepEqual(
    await shownBuckets(page),
    ['19', '18', '17', '15', '14', '13', '11', '10'].map((n) => `s3://bucket-${n}`),
  );

  await page.getByRole('button', { name: 'Bucket' }).click();
  const byName = await shownBuckets(page);
  assert.deepEqual(byName, byName.toSorted());
  assert.equal(await page.getByRole('columnheader', { name: 'Bucket' }).getAttribute('aria-sort'), 'ascending');
  await page.getByRole('button', { name: 'Failed' }).click();
  assert.deepEqual((await shownBuckets(page)).slice(0, 2), ['s3://bucket-17', 's3://bucket-13']);

  await page.reload();
  assert.deepEqual((await untilListed(page, 8)).slice(0, 2), ['s3://bucket-17', 's3://bucket-13']);
  await page.getByRole('searchbox').fill('nothing like this');
  await untilText(page.locator('main'), /No bucket’s name has “nothing like this” here/);
  assert.deepEqual(complaints, []);
});

test('a load has an address of its own; back leads to the list as it was', PAGE_TEST, async (t) => {
  const server = await twenty;
  const { page, complaints } = await open(t, `${server.url}/#/?show=attention&sort=bucket`);
  await untilListed(page, 15);
  await rowOf(page, 'bucket-05').getByRole('link').press('Enter');
  const load = loadOf(page, 'bucket-05');
  await untilText(load, /Completed with failures/);
  assert.equal(page.url(), addressOf(server, 'bucket-05'));
  assert.equal(await focused(page), 's3://bucket-05');

  await page.goBack();
  await untilListed(page, 15);
  assert.equal(page.url(), `${server.url}/#/?show=attention&sort=bucket`);
  assert.equal(await focused(page), 's3://bucket-05');
  await page.keyboard.press('ArrowDown');
  assert.equal(await focused(page), 's3://bucket-06');
  await page.goForward();
  await untilText(load, /Completed with failures/);
  await page.getByRole('link', { name: 'All loads' }).click();
  await untilListed(page, 15);

  await page.goto(addressOf(server, 'bucket-07'));
  await untilText(loadOf(page, 'bucket-07'), /Interrupted/);
  await page.goto(addressOf(server, 'no-such'));
  await untilText(page.locator('main'), /s3:\/\/no-such was never loaded/);
  assert.deepEqual(complaints, []);
});

test('in the dark and on a phone nothing overlaps or is too faint', PAGE_TEST, async (t) => {
  const { url } = await twenty;
  const options = { viewport: { width: 360, height: 740 }, colorScheme: 'dark' } as const;
  const { page, complaints } = await open(t, url, options);
  await untilListed(page, 20);
  assert.equal(await page.evaluate('document.documentElement.scrollWidth - innerWidth'), 0);
  const overlaps = await page.evaluate(`[...document.querySelectorAll('.load-row')].flatMap((row) => {
    const boxes = [...row.children].map((cell) => cell.getBoundingClientRect()).filter(({ width }) => width > 0);
    return boxes.flatMap((a, n) => boxes.slice(n + 1).filter((b) =>
      a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1));
  }).length`);
  assert.equal(overlaps, 0);
  assert.deepEqual(await violationsOf(page), []);
  assert.deepEqual(complaints, []);
});

test('of 5,000 files a page is shown at a time, by status, type and order', PAGE_TEST, async (t) => {
  const server = await startTestServer(t);
  await seedLoad(server, 'large', 5_000);
  await failFiles(server, 'large', 50, { source: 'aidbox', code: 'not-json', message: 'line 3: bad' });
  const { page, complaints } = await open(t, addressOf(server, 'large'));
  const load = loadOf(page, 'large');
  await untilText(load, /All 5,000 files/);
  await load.getByText('All 5,000 files').click();
  const files = load.getByRole('region', { name: 'Files of s3://large' });
  const place = load.locator('.pager-place').last();
  await untilText(place, /^1–50 of 5,000$/);
  assert.match(await textOf(files), /Patient-000001\.ndjson\.gz\s+Loaded\s+1 MB\s+10\s+5 s/);
  // What keeps the page quick, however many files there are.
  const nodes = Number(await page.evaluate('document.querySelectorAll("*").length'));
  assert.ok(nodes < 1_500, `${nodes} elements`);

  await load.getByRole('button', { name: 'Last page' }).last().click();
  await untilText(place, /^4,951–5,000 of 5,000$/);
  assert.match(await textOf(files), /Patient-005000\.ndjson\.gz\s+line 3: bad\s+Failed/);
  await load.getByRole('searchbox', { name: 'Find a file' }).fill('patient-00012');
  await untilText(files, /Patient-000120\.ndjson\.gz/);
  await waitFor(async () => (await files.getByRole('row').count()) === 11, { what: 'ten files and the head' });
  await load.getByRole('searchbox', { name: 'Find a file' }).fill('');
  await load.getByRole('combobox', { name: 'Status' }).selectOption('Failed');
  await untilText(place, /^1–50 of 100$/);
  await load.getByRole('button', { name: 'Next page' }).last().click();
  await untilText(place, /^51–100 of 100$/);
  assert.deepEqual(await violationsOf(page), []);
  assert.deepEqual(complaints, []);
});

test('without a load the page says how to start one', PAGE_TEST, async (t) => {
  const server = await startTestServer(t);
  const { page, complaints } = await open(t, server.url);
  await untilText(
    page.locator('main'),
    /No bucket has been loaded yet[\s\S]*fhir-bucket-loader load s3:\/\/bucket --follow/,
  );
  assert.deepEqual(await violationsOf(page), []);
  const bucket = await server.bucketOf({ 'Patient.ndjson': patients(1) });
  await server.load(bucket);
  await untilText(rowOf(page, bucket), /Completed/);
  assert.deepEqual(complaints, []);
});
