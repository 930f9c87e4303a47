import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { jsonbText } from '../../src/store/jsonb-text.ts';
import { migratedClient } from '../support/migrated-client.ts';

const client = await migratedClient({ after });

test('Postgres takes any text in a jsonb: what it cannot hold becomes U+FFFD, everything else stays', async () => {
  for (const [text, stored] of [
    ['a\0b', 'a\ufffdb'],
    ['\ud800', '\ufffd'],
    ['x\udfffy\udbff', 'x\ufffdy\ufffd'],
    ['\u{1f600}\ud83d', '\u{1f600}\ufffd'],
    ['\\u0000 and \\ud800 as written, "\\\\"', '\\u0000 and \\ud800 as written, "\\\\"'],
    ['\u001f\n\u2028\uffff', '\u001f\n\u2028\uffff'],
  ] as const) {
    const { rows } = await client.query('select $1::jsonb as value', [jsonbText({ [text]: [text] })]);
    assert.deepEqual(rows[0].value, { [stored]: [stored] });
  }
});
