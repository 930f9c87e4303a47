import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { MODULES } from '../../tools/web-assembly/modules.ts';
import { sourcesHash } from '../../tools/web-assembly/sources-hash.ts';

for (const [name, { sources, target }] of Object.entries(MODULES)) {
  test(`the WebAssembly was built from its sources as they are: npm run ${name}`, () => {
    assert.equal(/^\/\/ Sources: (\w+)$/m.exec(readFileSync(target, 'utf8'))?.[1], sourcesHash(sources));
  });
}
