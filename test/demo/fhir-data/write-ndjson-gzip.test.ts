import assert from 'node:assert/strict';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { generateLines } from '../../../demo/fhir-data/generate-resources.ts';
import { ndjsonGzip, writeNdjsonGzip } from '../../../demo/fhir-data/write-ndjson-gzip.ts';

const FILE = { key: 'fhir/Encounter.001.ndjson.gz', type: 'Encounter', firstIndex: 500, count: 1500 } as const;

describe('ndjsonGzip', () => {
  it('holds the lines of the plan, each ended by a newline, and says how many and how long', async () => {
    const { body, lines, rawBytes } = await ndjsonGzip(FILE, 7);
    const text = gunzipSync(body).toString('utf8');
    assert.equal(text, [...generateLines({ ...FILE, seed: 7 })].map((line) => `${line}\n`).join(''));
    assert.equal(lines, 1500);
    assert.equal(rawBytes, Buffer.byteLength(text));
  });

  it('gives the same bytes for the same seed', async () => {
    const [one, same, other] = await Promise.all([ndjsonGzip(FILE, 7), ndjsonGzip(FILE, 7), ndjsonGzip(FILE, 8)]);
    assert.ok(one.body.equals(same.body));
    assert.ok(!one.body.equals(other.body));
  });

  it('compresses like real FHIR data', async () => {
    for (const type of ['Observation', 'Encounter', 'DocumentReference', 'Procedure'] as const) {
      const { body, rawBytes } = await ndjsonGzip({ ...FILE, type }, 7);
      const ratio = rawBytes / body.length;
      assert.ok(ratio > 6 && ratio < 20, `${type}: ${ratio.toFixed(1)}`);
    }
  });
});

describe('writeNdjsonGzip', () => {
  it('streams the same bytes into a file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'fhir-demo-'));
    try {
      const path = join(folder, 'out.gz');
      const size = await writeNdjsonGzip(FILE, 7, createWriteStream(path));
      const { body, ...expected } = await ndjsonGzip(FILE, 7);
      assert.deepEqual(size, expected);
      assert.ok(readFileSync(path).equals(body));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('fails when the destination fails', async () => {
    await assert.rejects(writeNdjsonGzip(FILE, 7, createWriteStream('/nowhere/out.gz')), { code: 'ENOENT' });
  });
});
