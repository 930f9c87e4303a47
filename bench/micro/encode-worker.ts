/** Measures one encoder, of the pipeline folder given as the first argument, as often as its parent asks (see encode.ts). */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CopyBuffers } from '../../src/pipeline/copy-buffers.ts';
import type { Transforms } from '../../src/pipeline/create-transform.ts';
import type { RowEncoder } from '../../src/pipeline/row-encoder.ts';
import { chunksOf, type SampleSource, sample } from './samples.ts';

interface Job {
  readonly source: SampleSource;
  readonly type: string;
  readonly chunkBytes: number;
}

const BYTES_PER_RUN = 64 * 2 ** 20;
const buffers = new CopyBuffers(256 * 1024);

const folder = pathToFileURL(`${resolve(process.argv[2] ?? '')}/`);
const encoding: { RowEncoder: typeof RowEncoder } = await import(new URL('row-encoder.ts', folder).href);
const making: { Transforms: typeof Transforms } = await import(new URL('create-transform.ts', folder).href);
const transforms = new making.Transforms();
const AS_IS = { format: 'as-is', fhirVersion: 'r4', convertExtensions: false, keepLastUpdated: false } as const;

process.on('message', async ({ source, type, chunkBytes }: Job) => {
  process.send?.(await cpuSecondsPerGb(type, chunksOf(sample(source, type), chunkBytes)));
});

/** CPU seconds (user and system, all threads) per GB of ndjson. */
async function cpuSecondsPerGb(resourceType: string, chunks: readonly Buffer[]): Promise<number> {
  const encoder = new encoding.RowEncoder(
    {
      transform: transforms.create(AS_IS, resourceType),
      constants: [{ kind: 'int8', value: 1n }],
      maxLineBytes: 2 ** 26,
      buffers,
    },
    [(_chunk, reuse) => reuse()],
  );
  const passBytes = chunks.reduce((bytes, chunk) => bytes + chunk.length, 0);
  const passes = Math.max(1, Math.round(BYTES_PER_RUN / passBytes));
  const before = process.cpuUsage();
  for (let pass = 0; pass < passes; pass++) for (const chunk of chunks) encoder.write(chunk);
  encoder.end();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6 / ((passBytes * passes) / 1e9);
}
