/**
 * CPU time of the hashes of rows, from ndjson in memory to buffers that are discarded: rows without hashes, with those of `RowHasher`, and
 * with SHA-256 of each row by itself.
 *
 *   node bench/micro/hash-rows.ts
 */
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { CopyBuffers } from '../../src/pipeline/copy-buffers.ts';
import { FILE_HEADER } from '../../src/pipeline/copy-row-writer.ts';
import { Transforms } from '../../src/pipeline/create-transform.ts';
import { RowEncoder } from '../../src/pipeline/row-encoder.ts';
import { HASHED_FIELDS, RowHashes } from '../../src/target/row-hasher.ts';
import { total } from '../dataset/bench-data.ts';
import { prepareData } from '../dataset/prepare-data.ts';
import { compareCases, type MicroCase } from './compare-cases.ts';

const INPUT_CHUNK_BYTES = 1024 * 1024;
const MAX_LINE_BYTES = 64 * 1024 * 1024;
const KEY = Buffer.alloc(32, 'key');
const buffers = new CopyBuffers(256 * 1024);
const transforms = new Transforms();
const AS_IS = { format: 'as-is', fhirVersion: 'r4', convertExtensions: false, keepLastUpdated: false } as const;

/** Hashes the rows of a chunk in place. */
type HashRows = (chunk: Buffer, from: number, firstRow: number) => number;

const hasher = new RowHashes().hasher(KEY, undefined);
const ways: readonly { name: string; constants: typeof HASHED_FIELDS; hashRows: HashRows }[] = [
  { name: 'no hash, and no room for one', constants: [], hashRows: () => 0 },
  { name: 'no hash', constants: HASHED_FIELDS, hashRows: () => 0 },
  {
    name: 'HighwayHash of whole chunks',
    constants: HASHED_FIELDS,
    hashRows: (...chunk) => hasher.hash(...chunk).reduce((rows, { ends }) => rows + ends.length, 0),
  },
  { name: 'SHA-256 of each row', constants: HASHED_FIELDS, hashRows: hashEach },
];

for (const shape of ['many-files', 'large-rows'] as const) {
  const data = await prepareData({ shape, bytes: 60e6, seed: 1 });
  const files = data.files.map(({ gzipPath, type }) => ({ type, ndjson: gunzipSync(readFileSync(gzipPath)) }));
  const cases = ways.map(
    ({ name, constants, hashRows }): MicroCase => ({
      name,
      bytes: total(data, 'rawBytes'),
      async run() {
        for (const { type, ndjson } of files) {
          let from = FILE_HEADER.length;
          let row = 1;
          const take = (chunk: Buffer, reuse: () => void) => {
            row += hashRows(chunk, from, row);
            from = 0;
            reuse();
          };
          const transform = transforms.create(AS_IS, type);
          const encoder = new RowEncoder({ transform, constants, maxLineBytes: MAX_LINE_BYTES, buffers }, [take]);
          for (let at = 0; at < ndjson.length; at += INPUT_CHUNK_BYTES) {
            encoder.write(ndjson.subarray(at, at + INPUT_CHUNK_BYTES));
          }
          encoder.end();
        }
      },
    }),
  );
  await compareCases(`${total(data, 'rows')} rows of ${shape}`, cases);
}

function hashEach(chunk: Buffer, from: number, firstRow: number): number {
  let rows = 0;
  for (let at = from; at < chunk.length && chunk.readInt16BE(at) > 0; rows++) {
    let to = at + 2;
    for (let fields = chunk.readInt16BE(at); fields > 0; fields--) to += 4 + chunk.readInt32BE(to);
    chunk.writeUIntBE(firstRow + rows, at + 8, 6);
    KEY.copy(chunk, at + 18, 0, 16);
    chunk.write(hash('sha256', chunk.subarray(at + 18, to), 'binary'), at + 18, 16, 'binary');
    at = to;
  }
  return rows;
}
