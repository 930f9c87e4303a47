/** Measures one encoder, the module given as the first argument, as often as its parent asks (see encode.ts). */
import { resolve } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { pathToFileURL } from 'node:url';
import { CopyBuffers } from '../../src/pipeline/copy-buffers.ts';
import type { NdjsonEncoder } from '../../src/pipeline/ndjson-encoder.ts';
import { chunksOf, type SampleSource, sample } from './samples.ts';

interface Job {
  readonly source: SampleSource;
  readonly type: string;
  readonly chunkBytes: number;
}

const BYTES_PER_RUN = 64 * 2 ** 20;
const buffers = new CopyBuffers(256 * 1024);

const module: { NdjsonEncoder: typeof NdjsonEncoder } = await import(
  pathToFileURL(resolve(process.argv[2] ?? '')).href
);

process.on('message', async ({ source, type, chunkBytes }: Job) => {
  process.send?.(await cpuSecondsPerGb(type, chunksOf(sample(source, type), chunkBytes)));
});

/** CPU seconds (user and system, all threads) per GB of ndjson. */
async function cpuSecondsPerGb(resourceType: string, chunks: readonly Buffer[]): Promise<number> {
  const encoder = new module.NdjsonEncoder({
    resourceType,
    constants: [{ kind: 'int8', value: 1n }],
    maxLineBytes: 2 ** 26,
    buffers,
  });
  const discard = new Writable({ write: (_chunk, _encoding, done) => done() });
  const passBytes = chunks.reduce((bytes, chunk) => bytes + chunk.length, 0);
  const passes = Math.max(1, Math.round(BYTES_PER_RUN / passBytes));
  const before = process.cpuUsage();
  await pipeline(Readable.from(repeat(chunks, passes)), encoder, discard);
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / ((passBytes * passes) / 1e9);
}

function* repeat(chunks: readonly Buffer[], times: number): Generator<Buffer> {
  for (let i = 0; i < times; i++) yield* chunks;
}
