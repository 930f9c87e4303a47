import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { definitionFiles } from '../../tools/fhir-definitions/generate.ts';

test('the committed definitions are what their generator writes', async () => {
  for (const [version, text] of Object.entries(definitionFiles())) {
    const file = new URL(`../../src/pipeline/fhir-to-aidbox/definitions/${version}.ts`, import.meta.url);
    assert.equal(await readFile(file, 'utf8'), text, `${version}: run \`npm run definitions\``);
  }
});
