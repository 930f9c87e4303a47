import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { Random } from '../../demo/fhir-data/random.ts';
import { CopyBuffers } from '../../src/pipeline/copy-buffers.ts';
import { type CopyFormat, CopyRowWriter, type LeadingFields } from '../../src/pipeline/copy-row-writer.ts';
import { putBytes } from '../../src/pipeline/put-bytes.ts';
import { TextRowWriter } from '../../src/pipeline/text-row-writer.ts';
import { mutateLine } from '../fuzz/mutate-line.ts';
import { randomLine } from '../fuzz/random-line.ts';
import { createTestDatabase } from '../support/test-database.ts';

const SEED = 20261126;

interface Row {
  id: Buffer;
  json: Buffer;
  ts?: bigint | undefined;
}

const database = await createTestDatabase({ after });
const client = new pg.Client(database.connection);
// The database is dropped under it.
client.on('error', () => {});
await client.connect();
after(() => client.end());
await client.query(`create temp table b (n bigint, t text, ts timestamptz, id text, resource jsonb)`);
await client.query(`create temp table t (like b)`);

const CONSTANTS: LeadingFields = {
  constants: [
    { kind: 'int8', value: 2n ** 63n - 1n },
    { kind: 'text', value: 'Zeitö' },
  ],
  defaultTs: 0n,
};

/** The bytes of a COPY of these rows, out of buffers that are used again at once. */
function bytesOf(format: CopyFormat, rows: readonly Row[], bufferBytes: number): Buffer {
  const output: Buffer[] = [];
  const Writer = format === 'text' ? TextRowWriter : CopyRowWriter;
  const writer = new Writer(CONSTANTS, new CopyBuffers(bufferBytes), (chunk, reuse) => {
    output.push(Buffer.from(chunk));
    reuse();
  });
  for (const { id, json, ts } of rows) {
    writer.row({
      idBytes: id,
      idStart: 0,
      idEnd: id.length,
      ts,
      jsonBytes: json.length,
      writeJson: (out, at) => putBytes(out, at, json, 0, json.length),
    });
  }
  writer.end();
  return Buffer.concat(output);
}

async function copy(format: CopyFormat, rows: readonly Row[], bufferBytes = 4096): Promise<string | undefined> {
  const stream = client.query(copyFrom(`copy ${format === 'text' ? 't' : 'b'} from stdin (format ${format})`));
  return await new Promise((resolve, reject) => {
    stream.on('finish', () => resolve(undefined));
    stream.on('error', (error) => (error instanceof pg.DatabaseError ? resolve(error.code) : reject(error)));
    stream.end(bytesOf(format, rows, bufferBytes));
  });
}

/** Loads the rows in both forms. @returns how many rows differ, by every column's text */
async function differences(rows: readonly Row[], bufferBytes?: number): Promise<number> {
  await client.query('truncate b, t');
  assert.deepEqual(
    [await copy('binary', rows, bufferBytes), await copy('text', rows, bufferBytes)],
    [undefined, undefined],
  );
  const { rows: counts } = await client.query<{ b: number; t: number; only: number }>(
    `select (select count(*) from b)::int as b, (select count(*) from t)::int as t,
            (select count(*) from (table b except all table t union all (table t except all table b)) d)::int as only`,
  );
  assert.deepEqual([counts[0]?.b, counts[0]?.t], [rows.length, rows.length]);
  return counts[0]?.only ?? -1;
}

const NASTY = [
  '\\',
  '\\\\',
  '"',
  '\t',
  '\n',
  '\r',
  '\\N',
  '\\.',
  '\\t',
  '\u0001',
  '\u007f',
  'é',
  '😀',
  '{',
  '\u2028',
  'x',
];

function nastyText(random: Random, most: number): string {
  return Array.from({ length: random.between(0, most) }, () => random.pick(NASTY)).join('');
}

function nastyRow(random: Random, n: number): Row {
  const json = JSON.stringify({ [nastyText(random, 4)]: nastyText(random, 60), n, list: [nastyText(random, 9), null] });
  // White space around tokens may be what ends a field or a row.
  const space = random.pick(['', ' ', '\t', '\r', '\r\t', '\n']);
  return {
    id: Buffer.from(`${n}${nastyText(random, 6)}`),
    json: Buffer.from(`${space}${json}${space}`),
    ts: random.chance(0.5) ? BigInt(random.between(-1e9, 1e9)) * 1_000_003n : undefined,
  };
}

test('what Postgres stores is the same as by binary rows, in buffers that rows do and do not fit', async () => {
  for (const bufferBytes of [64, 200, 1_000, 65_536]) {
    const random = new Random(SEED, 'text-rows', bufferBytes);
    const rows = Array.from({ length: 2_000 }, (_, n) => nastyRow(random, n));
    assert.equal(await differences(rows, bufferBytes), 0);
  }
});

test('times from the year 1 BC to 10000, to the microsecond', async () => {
  const micros = ['0001-01-01T00:00:00Z', '0000-12-31T10:00:00Z', '1969-12-31T23:59:59Z', '2024-02-29T12:00:00Z']
    .flatMap((text) => [0n, 1n, 999_999n].map((more) => BigInt(Date.parse(text) - Date.UTC(2000, 0, 1)) * 1000n + more))
    .concat(BigInt(Date.UTC(10_000, 0, 1) - Date.UTC(2000, 0, 1)) * 1000n);
  assert.equal(await differences(micros.map((ts, n) => ({ id: Buffer.from(`${n}`), json: Buffer.from('{}'), ts }))), 0);
});

test('a row of 20 MB that is all backslashes arrives', async () => {
  const json = Buffer.from(JSON.stringify({ a: '\\'.repeat(10_000_000) }));
  assert.equal(
    await differences([
      { id: Buffer.from('x'), json },
      { id: Buffer.from('y'), json: Buffer.from('1') },
    ]),
    0,
  );
});

test('what Postgres refuses in one form it refuses in the other, with the same SQLSTATE', async () => {
  const refused = new Map<string, number>();
  for (let n = 0; n < 3_000; n++) {
    const random = new Random(SEED, 'text-refused', n);
    const json = mutateLine(random, Buffer.from(randomLine(random)));
    const row = { id: Buffer.from(`${n}`), json };
    const [binary, text] = [await copy('binary', [row]), await copy('text', [row])];
    assert.equal(text, binary, JSON.stringify(json.toString('latin1')));
    if (text !== undefined) refused.set(text, (refused.get(text) ?? 0) + 1);
  }
  assert.ok((refused.get('22P02') ?? 0) > 100 && (refused.get('22021') ?? 0) > 10, JSON.stringify([...refused]));
  await client.query('truncate b, t');
});
