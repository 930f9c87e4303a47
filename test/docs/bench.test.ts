import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';

const root = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string) => readFileSync(join(root, path), 'utf8');
const BENCH_PAGES = ['bench/README.md', 'bench/micro/README.md'];
const PAGES = [...globSync('*.md', { cwd: root }), ...globSync('docs/*.md', { cwd: root }), ...BENCH_PAGES];

/** Links of a page to files of the repository: the file, and the heading if there is one. */
function linksOf(page: string): { target: string; heading: string | undefined }[] {
  return [...read(page).matchAll(/\]\((?!https?:|mailto:)([^)#\s]*)(?:#([^)\s]+))?\)/g)].map(
    ([, path = '', heading]) => ({
      target: path === '' ? page : join(dirname(page), path),
      heading,
    }),
  );
}

/** The anchors that GitHub makes of a page's headings. */
function anchorsOf(page: string): string[] {
  const headings = read(page)
    .replaceAll(/^```.*?^```/gms, '')
    .matchAll(/^#+ (.+)$/gm);
  return [...headings].map(([, text = '']) =>
    text
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-'),
  );
}

test('every link of the documentation leads to a file that exists, and to a heading in it', () => {
  const broken = PAGES.flatMap((page) =>
    linksOf(page)
      .filter(({ target, heading }) => {
        if (globSync(target, { cwd: root }).length === 0) return true;
        return heading !== undefined && target.endsWith('.md') && !anchorsOf(target).includes(heading);
      })
      .map(({ target, heading }) => `${page}: ${target}#${heading ?? ''}`),
  );
  assert.deepEqual(broken, []);
});

test('every plot of the benches is shown', () => {
  const shown = linksOf('bench/README.md').map(({ target }) => target);
  const plots = globSync('bench/**/*.svg', { cwd: root });
  assert.ok(plots.length > 0);
  assert.deepEqual(
    plots.filter((plot) => !shown.includes(plot)),
    [],
  );
});

test('every bench is in the table of benches, and every command of the documentation can be typed', () => {
  const { scripts } = z.object({ scripts: z.record(z.string(), z.string()) }).parse(JSON.parse(read('package.json')));
  const benches = Object.keys(scripts).filter((name) => /^bench(:|$)/.test(name));
  const [, table = ''] = read('bench/README.md').split(/^## /m);
  assert.deepEqual(
    benches.filter((name) => !table.includes(`\`npm run ${name}\``)),
    [],
  );

  for (const page of PAGES) {
    for (const [command, script = '', options = ''] of read(page).matchAll(/npm run\s+([\w:-]+)([^`]*)/g)) {
      assert.ok(script in scripts, `${page}: ${command}`);
      if (!benches.includes(script)) continue;
      const program = scripts[script]?.replace('node ', '') ?? '';
      const source = read(program) + read('bench/bench-options.ts');
      for (const [, option = ''] of options.matchAll(/ --([a-z-]+)/g)) {
        assert.ok(new RegExp(`^ +'?${option}'?: \\{ type:`, 'm').test(source), `${page}: ${command}`);
      }
    }
  }
});

test('every program that the benches are run by exists', () => {
  for (const page of PAGES) {
    for (const [, program = ''] of read(page).matchAll(/npm exec -- node ([\w./-]+\.ts)/g)) {
      assert.notDeepEqual(globSync(program, { cwd: root }), [], `${page}: ${program}`);
    }
  }
});
