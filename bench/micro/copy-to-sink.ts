/**
 * CPU time of the way to Postgres, with a Postgres that throws the bytes away (sink-postgres.ts, another process):
 * ready-made COPY bytes by the size of the messages, and the whole hot path from gzip on.
 *
 *   node bench/micro/copy-to-sink.ts
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { Transforms } from '../../src/pipeline/create-transform.ts';
import { copyRows } from '../../src/target/copy-rows.ts';
import { InsertTarget } from '../../src/target/insert-target.ts';
import { RowMemory } from '../../src/worker/row-memory.ts';
import { total } from '../dataset/bench-data.ts';
import { prepareCopyFiles, prepareData } from '../dataset/prepare-data.ts';
import { compareCases, type MicroCase } from './compare-cases.ts';

const KIBIBYTES = [16, 64, 256, 1024];
const MAX_LINE_BYTES = 64 * 1024 * 1024;
const transforms = new Transforms();
const rowMemory = new RowMemory(transforms);
const AS_IS = { format: 'as-is', fhirVersion: 'r4', convertExtensions: false, keepLastUpdated: false } as const;

const data = await prepareData({ shape: 'mixed', bytes: 100e6, seed: 1 });
await prepareCopyFiles(data);
const bytes = total(data, 'rawBytes');
const folder = await mkdtemp(join(tmpdir(), 'bench-sink-'));
const sink = fork(fileURLToPath(new URL('./sink-postgres.ts', import.meta.url)), [join(folder, '.s.PGSQL.5432')]);
await once(sink, 'message');
const client = new pg.Client({ host: folder, port: 5432, user: 'bench' });
await client.connect();

const copyFiles = data.files.map((file) => readFileSync(file.copyPath));
const ready = KIBIBYTES.map(
  (size): MicroCase => ({
    name: `ready-made, messages of ${size} KiB`,
    bytes,
    async run() {
      for (const file of copyFiles) {
        const stream = client.query(copyFrom('copy', { highWaterMark: size * 1024 }));
        await pipeline(Readable.from(piecesOf(file, size * 1024)), stream);
      }
    },
  }),
);
const hotPath: MicroCase = {
  name: 'gunzip, encode and send',
  bytes,
  async run() {
    for (const { gzipPath, type, rows } of data.files) {
      const { constants } = new InsertTarget({ schema: 'public', name: type.toLowerCase() }, type, 1n);
      const transform = transforms.create(AS_IS, type);
      const { signal } = new AbortController();
      await rowMemory.use(async (buffers) => {
        const encoder = { transform, constants, maxLineBytes: MAX_LINE_BYTES, buffers };
        const copy = { statement: `copy rows ${rows}`, encoder, signal, times: { gunzipMs: 0, postgresMs: 0 } };
        await copyRows([client], createReadStream(gzipPath), copy, () => {});
      });
    }
  },
};
await compareCases('COPY to a sink, per GB of ndjson', [...ready, hotPath]);

await client.end();
sink.disconnect();
await rm(folder, { recursive: true, force: true });

function* piecesOf(file: Buffer, size: number): Generator<Buffer> {
  for (let at = 0; at < file.length; at += size) yield file.subarray(at, at + size);
}
