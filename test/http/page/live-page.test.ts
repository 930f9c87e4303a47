import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, test } from 'node:test';
import type { Locator, Page } from 'playwright-core';
import { patients } from '../../support/ndjson.ts';
import { startS3Endpoint } from '../../support/s3-endpoint.ts';
import { S3FaultProxy } from '../../support/s3-fault-proxy.ts';
import { createTestDatabase } from '../../support/test-database.ts';
import { startTestServer } from '../../support/test-server.ts';
import { waitFor } from '../../support/wait-for.ts';
import { Chromium, skipWithoutChromium } from './chromium.ts';

const options = { skip: skipWithoutChromium, timeout: 120_000 };
const chromium = skipWithoutChromium === false ? new Chromium({ after }) : undefined;

const open: Chromium['open'] = async (...args) => {
  if (chromium === undefined) throw new Error('no Chromium');
  return await chromium.open(...args);
};

/** Patients whose bytes gzip cannot make few of. */
function largePatients(count: number, prefix: string): object[] {
  return patients(count, prefix).map((patient) => ({ ...patient, text: randomBytes(1500).toString('base64') }));
}

/** What is to be read there; what is hidden is not. */
async function textOf(locator: Locator): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: Playwright's own method, and textContent would include what is hidden
  return await locator.innerText();
}

function card(page: Page, bucket: string): Locator {
  return page.getByRole('article', { name: `s3://${bucket}` });
}

async function untilText(locator: Locator, text: RegExp): Promise<string> {
  return await waitFor(
    async () => {
      const shown = (await locator.count()) === 1 ? await textOf(locator) : '';
      return text.test(shown) && shown;
    },
    { timeoutMs: 40_000, what: `${text} in ${locator}` },
  );
}

const progressOf = async (bar: Locator) => Number(await bar.getAttribute('value'));

/**
 * A bucket of three large files, behind a proxy that lets their bytes through so slowly that none ends
 * before the rule is replaced. Larger files are taken first, so
 * their sizes say which two are in work: Patient-1 and Patient-2.
 */
async function startSlowLoad(t: Parameters<typeof startTestServer>[0]) {
  const server = await startTestServer(t);
  const proxy = await S3FaultProxy.start(t, server.s3);
  const bucket = await server.bucketOf({
    'a/Patient-1.ndjson.gz': largePatients(120, 'a'),
    'a/Patient-2.ndjson.gz': largePatients(100, 'b'),
    'a/Patient-3.ndjson.gz': largePatients(80, 'c'),
  });
  proxy.rule = ({ key }) => (key === '' ? undefined : { kind: 'trickle', chunkBytes: 50, everyMs: 50 });
  const started = await server.startLoad(bucket, { account: proxy.account, 'thread-num': 2 });
  assert.equal(started.status, 200, JSON.stringify(started.body));
  return { server, proxy, bucket };
}

test('a load in work: progress grows, then it is completed, without a reload', options, async (t) => {
  const { server, proxy, bucket } = await startSlowLoad(t);
  const { page, complaints, hosts } = await open(t, server.url);
  const load = card(page, bucket);
  const bar = load.getByRole('progressbar', { name: `Bytes loaded of s3://${bucket}` });
  await untilText(load, /about \d+ s left|about \d+ min left/);
  const first = await progressOf(bar);
  await waitFor(async () => (await progressOf(bar)) > first, { what: 'more bytes' });
  const shown = await textOf(load);
  assert.match(shown, /In progress/);
  assert.match(shown, /2 files in progress/);
  assert.match(shown, /a\/Patient-1\.ndjson\.gz/);
  assert.match(shown, /a\/Patient-2\.ndjson\.gz/);
  assert.match(shown, /0 of 3/);
  const file = load.getByRole('progressbar', { name: 'Bytes of a/Patient-1.ndjson.gz' });
  await waitFor(async () => (await progressOf(file)) > 0, { what: 'bytes of one file' });
  await load.getByRole('img', { name: /^Bytes per second over the last 1 min: now/ }).waitFor();

  proxy.rule = () => undefined;
  const ended = await untilText(load, /Completed/);
  assert.match(ended, /100%/);
  assert.match(ended, /Resources\s+300/);
  await load.getByText('1 resource type').click();
  assert.match(await textOf(load.getByRole('row', { name: /^Patient/ })), /Patient\s+3\s+3\s+0\s+[\d.]+ kB\s+300/);
  assert.equal(await load.getByRole('button').count(), 0);
  assert.deepEqual(complaints, []);
  assert.deepEqual([...hosts], [new URL(server.url).host]);
});

test('failed files are shown with code and message; retry queues them and says what is missing', options, async (t) => {
  const server = await startTestServer(t);
  const bucket = await server.bucketOf({
    'Patient-good.ndjson': patients(2, 'good'),
    'Patient-twice.ndjson': [...patients(1), ...patients(1)],
  });
  await server.load(bucket);
  const { page, complaints } = await open(t, server.url);
  const load = card(page, bucket);
  const shown = await untilText(load, /1 failed file/);
  assert.match(shown, /Completed with failures/);
  assert.match(shown, /Patient-twice\.ndjson\s+postgres 23505/);
  assert.match(shown, /duplicate key value violates unique constraint "patient_pkey" \(line 2/);

  await load.getByRole('button', { name: 'Retry failed files' }).click();
  await untilText(load.getByRole('status'), /^1 failed file .* queued again\. Call aidbox\.bulk\/load-from-bucket/);
  const left = await untilText(load, /Interrupted/);
  assert.match(left, /1 file left, and nobody loads them\. Credentials are never stored/);

  await server.s3.putObject(bucket, 'Patient-twice.ndjson', '{"resourceType":"Patient","id":"once"}');
  await server.load(bucket);
  await untilText(load, /Completed/);
  assert.match(await textOf(load), /2 of 2/);
  assert.deepEqual(complaints, []);
});

test('lines left out are told, in the colour of a warning', options, async (t) => {
  const server = await startTestServer(t);
  const bucket = await server.bucketOf({ 'Patient.ndjson': '{"id":"a"}\n{}\noops\n' });
  await server.load(bucket, { 'max-errors': 5 });
  const { page, complaints } = await open(t, server.url);
  const load = card(page, bucket);
  const shown = await untilText(load, /Completed, 2 lines left out/);
  assert.match(shown, /GET \/LoaderError\?bucket=/);
  const colours = await page.evaluate(
    `[getComputedStyle(document.querySelector('.badge')).color,
      getComputedStyle(document.querySelector('.load')).borderLeftColor,
      (() => { const probe = document.createElement('i'); probe.style.color = 'var(--warn)'; document.body.append(probe);
        return getComputedStyle(probe).color; })()]`,
  );
  assert.equal(new Set(colours as string[]).size, 1, String(colours));
  assert.deepEqual(complaints, []);
});

test('cancel by keyboard alone, after a confirmation', options, async (t) => {
  const { server, bucket } = await startSlowLoad(t);
  const { page, complaints } = await open(t, server.url);
  const load = card(page, bucket);
  await untilText(load, /In progress/);
  const focused = () => page.evaluate('document.activeElement.textContent.trim()');
  const tabTo = async (text: string) => {
    for (let presses = 0; presses < 20 && (await focused()) !== text; presses++) await page.keyboard.press('Tab');
    assert.equal(await focused(), text);
  };

  await tabTo('Skip to the loads');
  await tabTo('Cancel load');
  const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
  assert.equal(outline, 'solid');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog', { name: `Cancel the load of s3://${bucket}?` }).waitFor();
  assert.equal(await focused(), 'Keep loading');
  await page.keyboard.press('Escape');
  assert.equal(await focused(), 'Cancel load');
  assert.match(await textOf(load), /In progress/);

  await page.keyboard.press('Enter');
  await tabTo('Cancel the load');
  await page.keyboard.press('Enter');
  await untilText(load.getByRole('status'), /is being cancelled/);
  const ended = await untilText(load, /Interrupted/);
  assert.match(ended, /3 files left/);
  // The button is gone; its user is not thrown back to the top of the page.
  assert.equal(await focused(), `s3://${bucket}`);
  assert.deepEqual(complaints, []);
});

test('says that it is disconnected, and goes on by itself after a restart of the server', options, async (t) => {
  const database = await createTestDatabase(t);
  const s3 = await startS3Endpoint(t);
  const first = await startTestServer(t, { database, s3 });
  const bucket = await first.bucketOf({ 'Patient-1.ndjson': patients(2, 'x') });
  await first.load(bucket);
  const { page } = await open(t, first.url);
  await untilText(page.locator('#connection'), /^Live$/);
  const { port } = new URL(first.url);

  await first.close();
  await untilText(page.locator('#connection'), /^Disconnected\. Figures are of \d\d:\d\d:\d\d; trying again/);
  assert.match(await textOf(card(page, bucket)), /Completed/);

  const second = await startTestServer(t, { database, s3, env: { BOX_WEB_PORT: port } });
  await untilText(page.locator('#connection'), /^Live$/);
  await untilText(page.getByRole('status').last(), /Connected again/);
  await second.load(await second.bucketOf({ 'Patient-2.ndjson': patients(2, 'y') }));
  await waitFor(async () => (await page.getByRole('article').count()) === 2, { what: 'the new load' });
  await second.close();
});

test('with credentials, dropped indexes, and on a phone', options, async (t) => {
  const server = await startTestServer(t, { env: { BOX_ROOT_CLIENT_SECRET: 'geheim' } });
  await server.sql(
    `insert into fhir_bucket_loader.bucket_load (bucket, options)
     values ('s3://a-bucket', '{"upsert?": false, "disable-idx?": true, "drop-primary-key?": false}')`,
  );
  await server.sql(
    `insert into loaderfile (id, txid, resource_type, status, resource) values ('f', 1, 'LoaderFile', 'created', $1)`,
    [
      {
        bucket: 's3://a-bucket',
        file: `Patient-${'x'.repeat(200)}.ndjson`,
        type: 'Patient',
        size: 10,
        status: 'error',
      },
    ],
  );
  await server.sql(
    `insert into disabledindex (id, txid, resource_type, status, resource)
     values ('i', 1, 'DisabledIndex', 'created', $1::jsonb || jsonb_build_object('schemaname', current_schema()))`,
    [
      {
        bucket: 's3://a-bucket',
        tablename: 'patient',
        indexname: 'patient_name',
        indexdef: 'create index …',
        status: 'disabled',
        message: 'why',
      },
    ],
  );
  assert.equal((await fetch(server.url)).status, 401);
  const { page, complaints } = await open(t, server.url, {
    httpCredentials: { username: 'root', password: 'geheim' },
    viewport: { width: 360, height: 700 },
    colorScheme: 'dark',
  });
  const shown = await untilText(card(page, 'a-bucket'), /patient_name/);
  assert.match(shown, /1 index not back/);
  assert.match(shown, /on patient/);
  assert.match(shown, /Dropped indexes are not back: why\./);
  const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
  assert.equal(overflow, 0);
  await card(page, 'a-bucket').getByRole('button', { name: 'Retry failed files' }).click();
  await untilText(card(page, 'a-bucket').getByRole('status'), /^1 failed file .* queued again/);
  assert.deepEqual(complaints, []);
});

test('without JavaScript there is a hint', options, async (t) => {
  const server = await startTestServer(t);
  const { page } = await open(t, server.url, { javaScriptEnabled: false });
  assert.match(await textOf(page.locator('body')), /aidbox\.bulk\/load-from-bucket-status/);
});
