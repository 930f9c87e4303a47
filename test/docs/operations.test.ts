import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import pg from 'pg';
import { Metrics } from '../../src/metrics/metrics.ts';
import { parseExposition } from '../metrics/parse-exposition.ts';

test('docs/operations.md explains every metric of the loader', async () => {
  const { text } = await new Metrics(new pg.Pool({ host: '127.0.0.1', port: 1 })).exposition();
  const docs = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const own = [...parseExposition(text).types.keys()].filter((name) => name.startsWith('fhir_loader_'));
  assert.deepEqual(
    own.filter((name) => !docs.includes(`\`${name.replace('fhir_loader_', '')}\``)),
    [],
  );
});
