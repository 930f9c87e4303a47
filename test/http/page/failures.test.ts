import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patients } from '../../support/ndjson.ts';
import { startTestServer } from '../../support/test-server.ts';
import { waitFor } from '../../support/wait-for.ts';
import { violationsOf } from './accessibility.ts';
import {
  addressOf,
  browserOfFile,
  focused,
  loadOf,
  PAGE_TEST,
  tabTo,
  textOf,
  untilState,
  untilText,
} from './page-test.ts';
import { failFiles, seedLoad } from './seeded-loads.ts';

const open = browserOfFile();

test('failures stand by cause: code, files, an example with its line, and what to do', PAGE_TEST, async (t) => {
  const server = await startTestServer(t);
  const bad = (id: string) => `${'{"id":"'}${id}"}\noops`;
  const bucket = await server.bucketOf({
    'Patient-good.ndjson': patients(2, 'good'),
    'Patient-1.ndjson': bad('a'),
    'Patient-2.ndjson': bad('b'),
    'Patient-twice.ndjson': [...patients(1), ...patients(1)],
  });
  await server.load(bucket);
  const { page, complaints } = await open(t, addressOf(server, bucket));
  const load = loadOf(page, bucket);
  const shown = await untilText(load, /3 failed files/);
  assert.match(shown, /Completed with failures/);
  assert.match(shown, /2 causes/);
  const causes = load.locator('.cause');
  const notJson = await textOf(causes.first());
  assert.match(notJson, /^not-json\s+2 files/);
  assert.match(notJson, /for example Patient-1\.ndjson, line 2\n/);
  assert.match(notJson, /What to do: Write one resource per line\. Or leave bad lines out with max-errors\./);
  const twice = await textOf(causes.last());
  assert.match(twice, /^23505\s+1 file\n/);
  assert.match(twice, /duplicate key value violates unique constraint "patient_pkey" \(line 2/);

  await causes.first().getByText('Show the 2 files').click();
  await untilText(causes.first(), /Patient-1\.ndjson[\s\S]*Patient-2\.ndjson[\s\S]*line 2: /);
  assert.deepEqual(await violationsOf(page), []);
  assert.deepEqual(complaints, []);
});

test('one file, one cause or all are queued again, by keyboard too', PAGE_TEST, async (t) => {
  const server = await startTestServer(t);
  const bucket = await server.bucketOf({
    'Patient-1.ndjson': 'oops',
    'Patient-2.ndjson': 'oops',
    'Patient-3.ndjson': '{"id":""}',
    'Patient-4.ndjson': '{}',
  });
  await server.load(bucket);
  const { page, complaints } = await open(t, addressOf(server, bucket));
  const load = loadOf(page, bucket);
  await untilText(load, /4 failed files/);
  const outcome = load.getByRole('status').first();
  const cause = load.locator('.cause').filter({ hasText: 'not-json' });
  await tabTo(page, 'Show the 2 files');
  await page.keyboard.press('Enter');
  await untilText(cause, /Patient-2\.ndjson/);
  await tabTo(page, 'Retry Patient-2.ndjson');
  await page.keyboard.press('Enter');
  await untilText(outcome, /^1 failed file .* queued again\. Call aidbox\.bulk\/load-from-bucket to load them/);
  await untilText(load, /3 failed files/);
  await untilText(cause, /Show the file\n/);

  await load.getByRole('button', { name: 'Retry the files with id-empty' }).click();
  await untilText(load, /2 failed files/);
  await load.getByRole('button', { name: 'Retry all 2 failed files' }).click();
  await untilText(outcome, /^2 failed files .* queued again/);
  const left = await untilText(load, /4 files left, and nobody loads them\. Credentials are never stored/);
  assert.match(left, /Interrupted/);

  for (const n of [1, 2, 3, 4]) await server.s3.putObject(bucket, `Patient-${n}.ndjson`, `{"id":"p${n}"}`);
  await server.load(bucket);
  await untilState(load, /^Completed$/);
  assert.match(await textOf(load), /4 of 4/);
  assert.deepEqual(complaints, []);
});

test('a cause is copied with its files', PAGE_TEST, async (t) => {
  const server = await startTestServer(t);
  const bucket = await server.bucketOf({ 'Patient-1.ndjson': 'oops', 'Patient-2.ndjson': 'oops' });
  await server.load(bucket);
  const permissions = ['clipboard-read', 'clipboard-write'];
  const { page, complaints } = await open(t, addressOf(server, bucket), { permissions });
  const load = loadOf(page, bucket);
  await untilText(load, /2 failed files/);
  await load.getByRole('button', { name: 'Copy the failure not-json and its files' }).click();
  await untilText(load.getByRole('status').first(), /^Copied not-json with 2 files\./);
  const copied = String(await page.evaluate('navigator.clipboard.readText()'));
  assert.match(copied, new RegExp(`^not-json \\(aidbox\\): 2 files of s3://${bucket}\nWhat to do: Write one`));
  assert.match(copied, /\nPatient-1\.ndjson: line 1: .*\nPatient-2\.ndjson: line 1: /);
  assert.deepEqual(complaints, []);
});

test('a page that may not use the clipboard, as by plain http, copies in the old way', PAGE_TEST, async (t) => {
  const server = await startTestServer(t);
  const bucket = await server.bucketOf({ 'Patient-1.ndjson': 'oops' });
  await server.load(bucket);
  const { page } = await open(t, `${server.url}/health`);
  await page.addInitScript(`Object.defineProperty(Navigator.prototype, 'clipboard', { get: () => undefined })`);
  await page.goto(addressOf(server, bucket));
  const copy = loadOf(page, bucket).getByRole('button', { name: 'Copy the failure not-json and its files' });
  await copy.click();
  await untilText(loadOf(page, bucket).getByRole('status').first(), /^Copied not-json with 1 file\./);
  assert.equal(await focused(page), 'Copy the failure not-json and its files');
  await page.getByRole('link', { name: 'All loads' }).click();
  await page.getByRole('searchbox').focus();
  await page.keyboard.press('Control+V');
  assert.match(await page.getByRole('searchbox').inputValue(), /^not-json \(aidbox\): 1 file of s3:/);
});

test('the bar shows the failed share in red and lines left out in amber, never all green', PAGE_TEST, async (t) => {
  const server = await startTestServer(t);
  await seedLoad(server, 'quarter', 8);
  await failFiles(server, 'quarter', 4, { source: 'aidbox', code: 'not-json', message: 'line 3: bad' });
  await seedLoad(server, 'lines', 4, '{"status": "done", "loaded": 6, "lines-left-out": 2}');
  const { page, complaints } = await open(t, addressOf(server, 'quarter'));
  const colour = async (name: string) =>
    String(
      await page.evaluate(`(() => { const probe = document.createElement('i'); probe.style.color = 'var(${name})';
        document.body.append(probe); const { color } = getComputedStyle(probe); probe.remove(); return color; })()`),
    );
  /** The parts of the load's bar: colour, and share of the whole. */
  const parts = () =>
    page.evaluate(`(() => { const bar = document.querySelector('.load-head .bar');
      return [...bar.children].flatMap((part) => {
        const { width } = part.getBoundingClientRect();
        const share = Math.round((100 * width) / bar.getBoundingClientRect().width);
        return width === 0 ? [] : [[getComputedStyle(part).backgroundColor, share]];
      }); })()`);
  const untilParts = async (expected: [string, number][]) =>
    waitFor(async () => JSON.stringify(await parts()) === JSON.stringify(expected), {
      what: `${JSON.stringify(expected)} in the bar`,
    });
  const load = loadOf(page, 'quarter');
  const shown = await untilText(load, /75%/);
  assert.match(shown, /2 MB in 2 failed files/);
  const [done, failed, leftOut] = await Promise.all(['--bar-done', '--bar-failed', '--bar-left-out'].map(colour));
  await untilParts([
    [done ?? '', 75],
    [failed ?? '', 25],
  ]);
  const value = await load.getByRole('progressbar').first().getAttribute('aria-valuetext');
  assert.equal(value, '6 MB of 8 MB loaded, 2 MB in 2 failed files');

  await page.goto(addressOf(server, 'lines'));
  const lines = await untilText(loadOf(page, 'lines'), /Completed, 8 lines left out/);
  assert.match(lines, /GET \/LoaderError\?bucket=/);
  await untilParts([
    [done ?? '', 75],
    [leftOut ?? '', 25],
  ]);
  assert.deepEqual(complaints, []);
});

test('of 5,000 failed files the causes are shown, and the files of one a page at a time', PAGE_TEST, async (t) => {
  const server = await startTestServer(t);
  await seedLoad(server, 'large', 5_000);
  await failFiles(server, 'large', 7, { source: 'postgres', code: '23505', message: '23505: ERROR (line 9: Key)' });
  await failFiles(server, 'large', 1, { source: 'aidbox', code: 'not-json', message: 'line 51: bad' });
  const { page, complaints } = await open(t, addressOf(server, 'large'));
  const load = loadOf(page, 'large');
  await untilText(load, /5,000 failed files\s+2 causes/);
  const cause = load.locator('.cause').first();
  assert.match(await textOf(cause), /not-json\s+4,286 files[\s\S]*Patient-000001\.ndjson\.gz, line 51\n/);
  await cause.getByText('Show the 4,286 files').press('Enter');
  await untilText(cause, /1–50 of 4,286/);
  await cause.getByRole('button', { name: 'Next page' }).press('Enter');
  await untilText(cause, /51–100 of 4,286/);
  assert.equal(await focused(page), 'Next page');
  const nodes = Number(await page.evaluate('document.querySelectorAll("*").length'));
  assert.ok(nodes < 1_500, `${nodes} elements`);
  assert.deepEqual(complaints, []);
});
