import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { DEMO_RESOURCE_TYPES } from '../../../demo/fhir-data/demo-resource-types.ts';
import { generateLines } from '../../../demo/fhir-data/generate-resources.ts';
import { LineChecker } from './check-line.ts';
import { fhirpathModel, remembering } from './oracle/fhir-model.ts';

const GENERATED_LINES = 300;

/** Folders of files that Synthea wrote; not part of the repository. */
const folder = process.env['TEST_SYNTHEA_FOLDER'] ?? fileURLToPath(new URL('../../../../shared/data', import.meta.url));
const skip = !existsSync(folder) && `no folder ${folder}; TEST_SYNTHEA_FOLDER names another`;

const model = remembering(fhirpathModel('r4'));

/** Every line becomes what the oracle says, stays so, comes back as it was, and is plain. */
function checkAll(lines: Iterable<string>, type: string): number {
  const checker = new LineChecker(model);
  let count = 0;
  for (const line of lines) {
    checker.check(line, type);
    checker.checkStays(line, type);
    checker.checkReturns(line, type);
    count++;
  }
  const before = checker.converter.plain;
  for (const line of lines) checker.converter.convert(line, type);
  // Each is converted with and without resolving.
  assert.equal(checker.converter.plain - before, 2 * count, `${type}: lines that are plain`);
  return count;
}

describe('every line that Synthea wrote is converted by the definitions, once and for all, and back', { skip }, () => {
  const files = skip ? [] : readdirSync(folder, { recursive: true, encoding: 'utf8' });
  let lines = 0;
  for (const file of files.filter((name) => name.endsWith('.ndjson.gz')).toSorted()) {
    test(file, (t) => {
      const type = /([A-Za-z]+)[^/]*$/.exec(file)?.[1] ?? '';
      const all = gunzipSync(readFileSync(join(folder, file)))
        .toString('utf8')
        .split('\n');
      lines += checkAll(
        all.filter((line) => line !== ''),
        type,
      );
      t.diagnostic(`${lines} lines so far`);
    });
  }

  test('there were some', () => assert.ok(lines > 0));
});

describe('the same of generated lines', () => {
  for (const type of DEMO_RESOURCE_TYPES) {
    test(type, () => {
      checkAll([...generateLines({ type, count: GENERATED_LINES, seed: 7 })], type);
    });
  }
});
