import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { PlannedFile } from '../../demo/fhir-data/plan-bucket.ts';
import { writeNdjsonGzip } from '../../demo/fhir-data/write-ndjson-gzip.ts';
import { CopyBuffers } from '../../src/pipeline/copy-buffers.ts';
import { IdentityTransform } from '../../src/pipeline/identity-transform.ts';
import { readNdjson } from '../../src/pipeline/read-ndjson.ts';
import { RowEncoder } from '../../src/pipeline/row-encoder.ts';
import { InsertTarget } from '../../src/target/insert-target.ts';
import type { BenchData, BenchFile } from './bench-data.ts';
import { type DataOptions, planData } from './plan-data.ts';

/** Written into a folder's name: raised when what is written into it changes. */
const FORMAT = 1;
const MANIFEST = 'manifest.json';
const MAX_LINE_BYTES = 256 * 1024 * 1024;

/**
 * Where the benches keep their data: BENCH_CACHE_FOLDER, else a folder of the system's temporary one. Postgres reads
 * files in it, so it must be open to Postgres's user.
 */
export function cacheFolder(): string {
  return process.env['BENCH_CACHE_FOLDER'] ?? join(tmpdir(), 'fhir-bucket-loader-bench');
}

/** The files of these options, from the cache or written now. */
export async function prepareData(options: DataOptions): Promise<BenchData> {
  const { shape, bytes, files: count, seed } = options;
  const size = count === undefined ? `${Math.round(bytes / 1e5) / 10}mb` : `${count}files`;
  const name = `${shape}-${size}-seed${seed}-v${FORMAT}`;
  const folder = join(cacheFolder(), name);
  if (!existsSync(join(folder, MANIFEST))) await write(folder, options);
  const files: Omit<BenchFile, 'gzipPath' | 'copyPath'>[] = JSON.parse(await readFile(join(folder, MANIFEST), 'utf8'));
  return {
    name,
    files: files.map((file) => ({
      ...file,
      gzipPath: join(folder, file.key),
      copyPath: join(folder, copyName(file.key)),
    })),
  };
}

function copyName(key: string): string {
  return join('copy', basename(key).replace(/\.ndjson\.gz$/, '.bin'));
}

/** Makes the COPY BINARY files of the data's rows, with our own encoder, where they are not in the cache. */
export async function prepareCopyFiles(data: BenchData): Promise<void> {
  for (const { gzipPath, copyPath, type, rows } of data.files) {
    if (existsSync(copyPath)) continue;
    await mkdir(dirname(copyPath), { recursive: true });
    const unfinished = `${copyPath}.unfinished-${process.pid}`;
    const buffers = new CopyBuffers(256 * 1024);
    const transform = new IdentityTransform(type);
    const { constants } = new InsertTarget({ schema: 'public', name: type.toLowerCase() }, type, 1n);
    const chunks: Buffer[] = [];
    const encoder = new RowEncoder({ transform, constants, maxLineBytes: MAX_LINE_BYTES, buffers }, [
      (chunk) => chunks.push(chunk),
    ]);
    const encoded = async function* () {
      for await (const chunk of readNdjson(createReadStream(gzipPath))) {
        encoder.write(chunk);
        yield* chunks.splice(0);
      }
      encoder.end();
      yield* chunks.splice(0);
    };
    await pipeline(encoded, createWriteStream(unfinished));
    if (encoder.rows !== rows) throw new Error(`${gzipPath}: ${encoder.rows} rows of ${rows} lines`);
    await rename(unfinished, copyPath);
  }
}

async function write(folder: string, options: DataOptions): Promise<void> {
  process.stderr.write(`writing ${folder} …\n`);
  const unfinished = `${folder}.unfinished-${process.pid}`;
  const files = [];
  for (const planned of planData(options)) files.push(await writeObject(unfinished, planned, options.seed));
  await writeFile(join(unfinished, MANIFEST), JSON.stringify(files, null, 1));
  await rm(folder, { recursive: true, force: true });
  await rename(unfinished, folder);
}

async function writeObject(folder: string, planned: PlannedFile, seed: number) {
  const { key, type } = planned;
  const path = join(folder, key);
  await mkdir(dirname(path), { recursive: true });
  const { lines, rawBytes } = await writeNdjsonGzip(planned, seed, createWriteStream(path));
  return { key, type, rows: lines, rawBytes, gzipBytes: (await stat(path)).size };
}
