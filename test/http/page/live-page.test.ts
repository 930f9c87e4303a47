import assert from 'node:assert/strict';
import { hostname } from 'node:os';
import { test } from 'node:test';
import type { Locator } from 'playwright-core';
import { patients } from '../../support/ndjson.ts';
import { startS3Endpoint } from '../../support/s3-endpoint.ts';
import { S3FaultProxy } from '../../support/s3-fault-proxy.ts';
import { createTestDatabase } from '../../support/test-database.ts';
import { startTestServer } from '../../support/test-server.ts';
import { waitFor } from '../../support/wait-for.ts';
import { violationsOf } from './accessibility.ts';
import {
  addressOf,
  browserOfFile,
  focused,
  largePatients,
  loadOf,
  PAGE_TEST,
  rowOf,
  tabTo,
  textOf,
  untilState,
  untilText,
} from './page-test.ts';

const open = browserOfFile();

const progressOf = async (bar: Locator) => Number(await bar.getAttribute('aria-valuenow'));

/**
 * A bucket of three large files, behind a proxy that lets their bytes through so slowly that none ends
 * before the rule is replaced. Larger files are taken first, so
 * their sizes say which two are in progress: Patient-1 and Patient-2.
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

test('a load opens from the list; its progress grows, then it is completed, without a reload', PAGE_TEST, async (t) => {
  const { server, proxy, bucket } = await startSlowLoad(t);
  const { page, complaints, hosts } = await open(t, server.url);
  await rowOf(page, bucket).getByRole('link').click();
  const load = loadOf(page, bucket);
  const bar = load.getByRole('progressbar', { name: `Bytes loaded of s3://${bucket}` });
  await untilText(load, /about \d+ s left|about \d+ min left/);
  const first = await progressOf(bar);
  await waitFor(async () => (await progressOf(bar)) > first, { what: 'more bytes' });
  const shown = await untilText(load, /Resources per second/);
  assert.match(shown, /In progress/);
  assert.match(shown, /2 files in progress/);
  assert.match(shown, /a\/Patient-2\.ndjson\.gz/);
  assert.match(shown, /0 of 3/);
  assert.match(shown, /Running for\s+(\d+ min )?\d+ s/);
  const file = load.getByRole('listitem').filter({ hasText: 'a/Patient-1.ndjson.gz' });
  await waitFor(async () => (await progressOf(file.getByRole('progressbar'))) > 0, { what: 'bytes of one file' });
  assert.match(await untilText(file, /loading/), /\d+ resources\s+(\d+ min )?\d+ s/);
  await untilText(file.locator('.replica'), new RegExp(`^on ${hostname()}$`));
  assert.deepEqual(await violationsOf(page), []);

  proxy.rule = () => undefined;
  const ended = await untilState(load, /^Completed$/);
  assert.match(ended, /100%/);
  assert.match(ended, /Resources\s+300/);
  const type = load.getByRole('row', { name: /^Patient/ });
  assert.match(await textOf(type), /Patient\s+3 of 3\s+[\d.]+ kB\s+300/);
  assert.equal(await progressOf(type.getByRole('progressbar', { name: 'Files of type Patient' })), 100);
  assert.equal(await load.getByRole('button').count(), 0);
  assert.deepEqual(complaints, []);
  assert.deepEqual([...hosts], [new URL(server.url).host]);
});

test('title and icon of the tab show the progress, and what became of it', PAGE_TEST, async (t) => {
  const { server, proxy, bucket } = await startSlowLoad(t);
  const { page, complaints } = await open(t, server.url);
  const until = (title: RegExp) => waitFor(async () => title.test(await page.title()), { what: `${title}` });
  await until(/^\d+% · 1 load · FHIR bucket loader$/);
  await page.goto(addressOf(server, bucket));
  await until(new RegExp(`^\\d+% · s3://${bucket} · FHIR bucket loader$`));
  const icon = async () => (await page.locator('#icon').getAttribute('href')) ?? '';
  assert.match(await icon(), /^page\/progress-icon\/in-progress\/\d+$/);
  proxy.rule = () => undefined;
  await until(/^Completed · /);
  assert.equal(await icon(), 'page/progress-icon/completed/100');
  assert.equal((await page.request.get(`${server.url}/${await icon()}`)).status(), 200);
  assert.deepEqual(complaints, []);
});

test('the rate at a moment is read by pointer and by keyboard, beside an axis', PAGE_TEST, async (t) => {
  const { server, bucket } = await startSlowLoad(t);
  const { page, complaints } = await open(t, addressOf(server, bucket));
  const plot = loadOf(page, bucket).getByRole('slider', { name: 'Bytes per second, over time' });
  await waitFor(async () => Number(await plot.getAttribute('aria-valuemax')) >= 3, {
    what: 'four samples',
  });
  const chart = page.getByRole('figure', { name: /Bytes per second/ });
  // While nothing has come yet, the axis has its zero alone.
  const labels = await waitFor(
    async () => {
      const texts = await chart.locator('.chart-values span').allTextContents();
      return texts.length >= 3 && texts;
    },
    { what: 'an axis' },
  );
  assert.equal(labels[0], '0 B');
  assert.match(String(await chart.locator('.chart-moments span').allTextContents()), /\d\d:\d\d:\d\d/);

  const tip = chart.locator('.chart-tip');
  assert.equal(await tip.isVisible(), false);
  await plot.hover();
  assert.match(await textOf(tip), /^[\d.]+ [kM]?B · \d\d:\d\d:\d\d$/);
  await page.mouse.move(0, 0);
  await waitFor(async () => !(await tip.isVisible()), { what: 'the end of the hint' });

  await tabTo(page, 'Bytes per second, over time');
  const last = await plot.getAttribute('aria-valuetext');
  await page.keyboard.press('Home');
  assert.equal(await plot.getAttribute('aria-valuenow'), '0');
  const first = await plot.getAttribute('aria-valuetext');
  assert.match(first ?? '', / at \d\d:\d\d:\d\d$/);
  assert.notEqual(first, last);
  // Figures of the moment go on coming between two looks.
  await waitFor(
    async () => (await textOf(tip)) === (await plot.getAttribute('aria-valuetext'))?.replace(' at ', ' · '),
    { what: 'the hint as it is read out' },
  );
  await page.keyboard.press('ArrowRight');
  assert.equal(await plot.getAttribute('aria-valuenow'), '1');
  assert.deepEqual(complaints, []);
});

test('stop by keyboard alone, after a question', PAGE_TEST, async (t) => {
  const { server, bucket } = await startSlowLoad(t);
  const { page, complaints } = await open(t, addressOf(server, bucket));
  const load = loadOf(page, bucket);
  await untilText(load, /In progress/);

  await page.evaluate('document.activeElement.blur()');
  await page.evaluate('scrollTo(0, 0)');
  await tabTo(page, 'Stop load …');
  const outline = await page.evaluate('getComputedStyle(document.activeElement).outlineStyle');
  assert.equal(outline, 'solid');
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Stop the load?' });
  await dialog.waitFor();
  assert.match(await textOf(dialog), new RegExp(`s3://${bucket}`));
  assert.deepEqual(await violationsOf(page), []);
  assert.equal(await focused(page), 'Keep loading');
  await page.keyboard.press('Escape');
  assert.equal(await focused(page), 'Stop load …');
  assert.match(await textOf(load), /In progress/);

  await page.keyboard.press('Enter');
  await dialog.waitFor();
  await tabTo(page, 'Stop');
  await page.keyboard.press('Enter');
  await untilText(load.getByRole('status').first(), /is being cancelled/);
  const ended = await untilState(load, /^Interrupted$/);
  assert.match(ended, /3 files left/);
  // The button is gone; its user is not thrown back to the top of the page.
  assert.equal(await focused(page), `s3://${bucket}`);
  assert.deepEqual(complaints, []);
});

test('says that it is disconnected, and goes on by itself after a restart of the server', PAGE_TEST, async (t) => {
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
  assert.match(await textOf(rowOf(page, bucket)), /Completed/);

  const second = await startTestServer(t, { database, s3, env: { BOX_WEB_PORT: port } });
  await untilText(page.locator('#connection'), /^Live$/);
  await untilText(page.locator('#announcer'), /Connected again/);
  const other = await second.bucketOf({ 'Patient-2.ndjson': patients(2, 'y') });
  await second.load(other);
  await untilText(rowOf(page, other), /Completed/);
  await second.close();
});

test('with credentials, dropped indexes, and on a phone', PAGE_TEST, async (t) => {
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
  const { page, complaints } = await open(t, addressOf(server, 'a-bucket'), {
    httpCredentials: { username: 'root', password: 'geheim' },
    viewport: { width: 360, height: 700 },
    colorScheme: 'dark',
  });
  const load = loadOf(page, 'a-bucket');
  const shown = await untilText(load, /patient_name/);
  assert.match(shown, /1 index not back/);
  assert.match(shown, /on patient/);
  assert.match(shown, /Dropped indexes are not restored: why\./);
  const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
  assert.equal(overflow, 0);
  assert.deepEqual(await violationsOf(page), []);
  await load.getByRole('button', { name: 'Retry the failed file' }).click();
  await untilText(load.getByRole('status').first(), /^1 failed file .* queued again/);
  assert.deepEqual(complaints, []);
});

test(
  'a load with upsert? tells what was created, updated and unchanged; open references stand by type',
  PAGE_TEST,
  async (t) => {
    const server = await startTestServer(t);
    const first = await server.bucketOf({ 'Patient-1.ndjson': patients(3) });
    await server.load(first);
    const patient = patients(4).map((each, n) => (n === 0 ? { ...each, active: false } : each));
    const observation = {
      resourceType: 'Observation',
      id: 'o',
      performer: [{ reference: 'Practitioner?identifier=nobody|0' }],
    };
    const bucket = await server.bucketOf({ 'Patient-2.ndjson': patient, 'Observation.ndjson': [observation] });
    await server.load(bucket, { 'upsert?': true, 'resolve-references?': true });
    const { page, complaints } = await open(t, addressOf(server, bucket));
    const load = loadOf(page, bucket);
    const shown = await untilText(load, /Created\s+2\s+Updated\s+1\s+Unchanged\s+2\n/);
    assert.match(shown, /1 open reference\s+0 references resolved/);
    await load.getByText('1 open reference').click();
    await untilText(load.locator('.references'), /Practitioner\s+1/);
    assert.deepEqual(complaints, []);
  },
);

test('without JavaScript there is a hint', PAGE_TEST, async (t) => {
  const server = await startTestServer(t);
  const { page } = await open(t, server.url, { javaScriptEnabled: false });
  assert.match(await textOf(page.locator('body')), /aidbox\.bulk\/load-from-bucket-status/);
});
