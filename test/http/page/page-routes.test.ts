import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { after, test } from 'node:test';
import { patients } from '../../support/ndjson.ts';
import { startTestServer } from '../../support/test-server.ts';
import { waitFor } from '../../support/wait-for.ts';

const server = await startTestServer({ after });

test('every file that the page names is served with its type, for this server alone', async () => {
  const index = await fetch(server.url);
  assert.equal(index.status, 200);
  assert.equal(index.headers.get('content-type'), 'text/html; charset=utf-8');
  const policy = index.headers.get('content-security-policy') ?? '';
  assert.match(policy, /^default-src 'none';script-src 'self';style-src 'self'/);
  assert.doesNotMatch(policy, /unsafe|upgrade-insecure|https:/);
  const html = await index.text();
  assert.doesNotMatch(html, /https?:\/\//);
  assert.doesNotMatch(html, /style=|<style|onclick|<script(?! type="module" src=)/);

  const pending = [...html.matchAll(/(?:href|src)="(page\/[^"]+)"/g)].map((match) => `/${match[1]}`);
  const seen = new Map<string, string | null>();
  for (let path = pending.pop(); path !== undefined; path = pending.pop()) {
    const answer = await fetch(server.url + path);
    assert.equal(answer.status, 200, path);
    seen.set(path, answer.headers.get('content-type'));
    const text = await answer.text();
    for (const [, name = ''] of text.matchAll(/ from '(\.\.?\/.+)';$/gm)) {
      const { pathname } = new URL(name, server.url + path);
      if (!seen.has(pathname)) pending.push(pathname);
    }
  }
  assert.equal(seen.get('/page/css/base.css'), 'text/css; charset=utf-8');
  assert.equal(seen.get('/page/page.js'), 'text/javascript; charset=utf-8');
  assert.equal(seen.get('/page/icon.svg'), 'image/svg+xml');
  assert.ok(seen.has('/page/dom.js'));
  assert.ok(seen.has('/page/chart/chart-cursor.js'));
  assert.equal((await fetch(`${server.url}/page/tsconfig.json`)).status, 404);
});

test('an unchanged file is answered 304', async () => {
  const first = await fetch(`${server.url}/page/page.js`);
  assert.equal(first.headers.get('cache-control'), 'no-cache');
  const etag = first.headers.get('etag') ?? '';
  const again = await fetch(`${server.url}/page/page.js`, { headers: { 'if-none-match': etag } });
  assert.equal(again.status, 304);
  const body = await readFile(new URL('../../../src/http/page/assets/page.js', import.meta.url), 'utf8');
  assert.equal(await first.text(), body);
});

test('the icon of a load shows its progress and state; no other address has one', async () => {
  const icon = async (path: string) => await fetch(`${server.url}/page/progress-icon/${path}`);
  const half = await icon('in-progress/50');
  assert.equal(half.headers.get('content-type'), 'image/svg+xml');
  const drawn = await half.text();
  const [, shown, around] = /stroke-dasharray="([\d.]+) ([\d.]+)"/.exec(drawn) ?? [];
  assert.ok(Math.abs(Number(shown) / Number(around) - 0.5) < 0.001, drawn);
  assert.notEqual(await (await icon('failures/50')).text(), drawn);
  for (const path of ['in-progress/101', 'in-progress/x', 'other/50', 'in-progress/%22%3E'])
    assert.equal((await icon(path)).status, 404, path);
});

test('events tell all loads first and then what changes; closing the server ends them', async (t) => {
  const own = await startTestServer(t);
  const bucket = await own.bucketOf({ 'Patient-1.ndjson': patients(2) });
  await own.load(bucket);
  const response = await fetch(`${own.url}/events`);
  assert.equal(response.headers.get('content-type'), 'text/event-stream; charset=utf-8');
  assert.equal(response.headers.get('cache-control'), 'no-store');
  let text = '';
  const reading = (async () => {
    for await (const chunk of response.body?.pipeThrough(new TextDecoderStream()) ?? []) text += chunk;
  })();
  const updates = () =>
    [...text.matchAll(/^event: update\ndata: (.*)\n\n/gm)].map(
      (match) => JSON.parse(match[1] ?? '') as { buckets: string[]; loads: { bucket: string; state: string }[] },
    );
  await waitFor(() => updates().length >= 2, { what: 'two updates' });
  const [first, second] = updates();
  assert.deepEqual(first?.buckets, [`s3://${bucket}`]);
  assert.equal(first?.loads[0]?.state, 'completed');
  assert.deepEqual(second?.loads, []);

  const other = await own.bucketOf({ 'Patient-2.ndjson': patients(2, 'other') });
  await own.load(other);
  const news = await waitFor(() => updates().find(({ loads }) => loads[0]?.bucket === `s3://${other}`), {
    what: 'news of the other load',
  });
  assert.deepEqual(news.buckets, [`s3://${other}`, `s3://${bucket}`]);
  await own.close();
  await reading;
});

test('/loads tells the same to programs', async () => {
  const bucket = await server.bucketOf({ 'Encounter-1.ndjson': [{ resourceType: 'Encounter', id: 'e' }] });
  await server.load(bucket);
  const { loads } = (await (await fetch(`${server.url}/loads`)).json()) as { loads: Record<string, unknown>[] };
  assert.equal(loads[0]?.['bucket'], `s3://${bucket}`);
  assert.equal(loads[0]?.['state'], 'completed');
  assert.deepEqual(loads[0]?.['resources'], { loaded: 1 });
});
