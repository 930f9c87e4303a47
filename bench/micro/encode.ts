/**
 * CPU time of the encoder, from ndjson in memory to buffers that are discarded.
 *
 *   node bench/micro/encode.ts [path/to/another/src/pipeline …]
 *
 * Every pipeline folder named is measured besides this repository's, one column each: in a process of its own, as V8 shares
 * what it learned of a call between copies of a class, and in turn, as the machine's speed drifts.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { SAMPLE_SOURCES, type SampleSource, sampleTypes } from './samples.ts';

const ROUNDS = 6;
const INPUT_CHUNK_BYTES = [1024 * 1024, 64 * 1024];
const OURS = fileURLToPath(new URL('../../src/pipeline', import.meta.url));
const WORKER = fileURLToPath(new URL('./encode-worker.ts', import.meta.url));

const workers = [OURS, ...process.argv.slice(2)].map((path) => fork(WORKER, [path]));

for (const source of SAMPLE_SOURCES) {
  if (sampleTypes(source).length > 0) for (const chunkBytes of INPUT_CHUNK_BYTES) await table(source, chunkBytes);
}
for (const worker of workers) worker.disconnect();

async function table(source: SampleSource, chunkBytes: number): Promise<void> {
  console.log(`\n${source}, input chunks of ${chunkBytes / 1024} KiB: CPU s per GB, median of ${ROUNDS - 1}`);
  const types = sampleTypes(source);
  const sums = workers.map(() => 0);
  for (const type of types) {
    const medians = await mediansOf(source, type, chunkBytes);
    for (const [w, figure] of medians.entries()) sums[w] = (sums[w] ?? 0) + figure;
    console.log(row(type, medians));
  }
  console.log(
    row(
      'mean',
      sums.map((sum) => sum / types.length),
    ),
  );
}

/** One figure per worker; the first round only warms up. */
async function mediansOf(source: SampleSource, type: string, chunkBytes: number): Promise<number[]> {
  const figures: number[][] = workers.map(() => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [w, worker] of workers.entries()) {
      worker.send({ source, type, chunkBytes });
      const [figure]: number[] = await once(worker, 'message');
      if (round > 0 && figure !== undefined) figures[w]?.push(figure);
    }
  }
  return figures.map((list) => list.toSorted((a, b) => a - b)[list.length >> 1] ?? Number.NaN);
}

function row(label: string, figures: readonly number[]): string {
  return `${label.padEnd(22)}${figures.map((figure) => figure.toFixed(2).padStart(8)).join('')}`;
}
