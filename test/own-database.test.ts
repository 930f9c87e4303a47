import assert from 'node:assert/strict';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
/** These have a Postgres of their own. */
const ALONE = /^(chaos|crash-matrix|embedded-postgres|citus)\//;
/** What says that only the caller's database is looked at, or a role of its own. */
const NARROWED = /current_database\(\)|usename = current_user/;

test('tests look at locks and end backends in their own database alone: all others have tables of the same oids', async () => {
  const loose: string[] = [];
  let looked = 0;
  for await (const path of glob('**/*.ts', { cwd: folder })) {
    if (ALONE.test(path) || path === 'own-database.test.ts') continue;
    const text = await readFile(join(folder, path), 'utf8');
    for (const [statement] of text.matchAll(/`[^`]*`|'(?:[^'\\\n]|\\.)*'/g)) {
      if (!/from pg_locks|pg_terminate_backend\((\w+\.)?pid/.test(statement)) continue;
      looked++;
      // A part of it may stand in a constant of the same file.
      const parts = [...statement.matchAll(/\$\{(\w+)\}/g)].map(([, name]) =>
        text.split(new RegExp(`const ${name} = `))[1]?.slice(0, 300),
      );
      if (!NARROWED.test([statement, ...parts].join(' '))) loose.push(`${path}: ${statement.replace(/\s+/g, ' ')}`);
    }
  }
  assert.ok(looked > 20);
  assert.deepEqual(loose, []);
});
