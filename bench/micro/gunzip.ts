/**
 * CPU time of the gunzip stage, from an object in memory to chunks that nobody uses: Node's stream by the size of its
 * output buffers, and what the loader makes of it, with zlib's CRC-32 and its own.
 *
 *   node bench/micro/gunzip.ts
 */
import { readFileSync } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { CopyBuffers } from '../../src/pipeline/copy-buffers.ts';
import { PlainRowModule } from '../../src/pipeline/plain-row-module.ts';
import { readNdjson } from '../../src/pipeline/read-ndjson.ts';
import { total } from '../dataset/bench-data.ts';
import { prepareData } from '../dataset/prepare-data.ts';
import { compareCases, type MicroCase } from './compare-cases.ts';

const KIBIBYTES = [16, 64, 256, 1024, 4096];
/** What a socket gives at once. */
const INPUT_BYTES = 64 * 1024;

const data = await prepareData({ shape: 'mixed', bytes: 100e6, seed: 1 });
const bytes = total(data, 'rawBytes');
const objects = data.files.map((file) => pieces(readFileSync(file.gzipPath)));

const byChunkSize = KIBIBYTES.map(
  (size): MicroCase => ({
    name: `createGunzip, ${size} KiB`,
    bytes,
    async run() {
      for (const object of objects) {
        await pipeline(Readable.from(object), createGunzip({ chunkSize: size * 1024 }), discard());
      }
    },
  }),
);
const ours: MicroCase = {
  name: 'readNdjson',
  bytes,
  async run() {
    for (const object of objects) for await (const _chunk of readNdjson(Readable.from(object)));
  },
};
const { slots, slotBytes, crc32 } = new PlainRowModule();
const buffers = {
  "zlib's CRC-32": new CopyBuffers(slotBytes, slots),
  "the loader's": new CopyBuffers(slotBytes, slots, crc32),
};
const byCrc32 = Object.entries(buffers).map(
  ([whose, kept]): MicroCase => ({
    name: `readNdjson, as a load does, ${whose}`,
    bytes,
    async run() {
      for (const object of objects)
        for await (const _chunk of readNdjson(Readable.from(object), { gunzipMs: 0 }, 'passing', kept));
    },
  }),
);
await compareCases('gunzip, per GB of ndjson', [...byChunkSize, ours, ...byCrc32]);

function pieces(object: Buffer): Buffer[] {
  const list = [];
  for (let at = 0; at < object.length; at += INPUT_BYTES) list.push(object.subarray(at, at + INPUT_BYTES));
  return list;
}

function discard(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}
