import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
// AssemblyScript, whose compiler sees the whole module, is not imported file by file.
const paths = globSync(['{src,demo,bench,test,tools,docs}/**/*.{ts,js}'], { cwd: root }).filter(
  (path) => !path.endsWith('.as.ts'),
);
/** Values only: a type is exported with what it describes. */
const VALUE = /^export (?:abstract |async )?(?:const|let|function\*?|class) (\w+)/gm;

test('what a file exports, another one uses', () => {
  const texts = paths.map((path) => ({ path, text: readFileSync(`${root}/${path}`, 'utf8') }));
  const filesWith = new Map<string, number>();
  for (const { text } of texts)
    for (const word of new Set(text.match(/\w+/g))) filesWith.set(word, (filesWith.get(word) ?? 0) + 1);
  const unused = texts.flatMap(({ path, text }) =>
    [...text.matchAll(VALUE)].flatMap(([, name = '']) => (filesWith.get(name) === 1 ? [`${path}: ${name}`] : [])),
  );
  assert.ok(texts.length > 500);
  assert.deepEqual(unused, []);
});
