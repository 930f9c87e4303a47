import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { runCli } from './run-cli.ts';

test('convert shows what a load stores, line by line, and the way back', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'convert-'));
  t.after(() => rm(folder, { recursive: true }));
  const fhir =
    '{"resourceType":"Observation","id":"o","valueQuantity":{"value":1.10},"subject":{"reference":"Patient/1"}}';
  const aidbox =
    '{"resourceType":"Observation","id":"o","value":{"Quantity":{"value":1.10}},"subject":{"resourceType":"Patient","id":"1"}}';
  const bad = '{"id":"b","value":{"string":"x"},"valueString":"y"}';
  const path = join(folder, 'observation.000.ndjson.gz');
  await writeFile(path, gzipSync(`${fhir}\n\n${bad}\n{"id":"empty"}\n`));

  const there = await runCli(['convert', path]);
  assert.equal(there.stdout, `${aidbox}\n{"resourceType":"Observation","id":"empty"}\n`);
  assert.match(there.stderr, /^line 3, id "b", Observation\.valueString: "value" and "valueString" are two forms/);
  assert.equal(there.code, 2);

  const back = join(folder, 'Observation.ndjson');
  await writeFile(back, `${aidbox}\n`);
  assert.deepEqual(await runCli(['convert', back, '--to', 'fhir']), { code: 0, stdout: `${fhir}\n`, stderr: '' });

  const missing = await runCli(['convert', join(folder, 'Patient.ndjson')]);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, /Patient\.ndjson: ENOENT/);
});
