import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sourcesHash } from '../../tools/plain-converter/sources-hash.ts';

test('the plain converter was built from its sources as they are: npm run plain-converter', () => {
  const built = readFileSync(
    new URL('../../src/pipeline/fhir-to-aidbox/plain-converter-wasm.ts', import.meta.url),
    'utf8',
  );
  assert.equal(/^\/\/ Sources: (\w+)$/m.exec(built)?.[1], sourcesHash());
});
