import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { DEMO_RESOURCE_TYPES } from '../../demo/fhir-data/demo-resource-types.ts';
import { generateLines } from '../../demo/fhir-data/generate-resources.ts';

export type SampleSource = 'Synthea' | 'Generated';

/** Where the ndjson of a benchmark can come from. */
export const SAMPLE_SOURCES: readonly SampleSource[] = ['Synthea', 'Generated'];

/** Files as Synthea exports them, where somebody has some. */
const SYNTHEA_FOLDER = process.env['BENCH_SYNTHEA_FOLDER'] ?? '';
const SYNTHEA_SUFFIX = '.000.ndjson.gz';
const GENERATED_LINES = 2000;
/** The shortest sample, repeated up to this, still has line borders at many places within a chunk. */
const LEAST_BYTES = 4 * 2 ** 20;

/** The resource types that a source has; none where its files are not on this machine. */
export function sampleTypes(source: SampleSource): readonly string[] {
  if (source === 'Generated') return DEMO_RESOURCE_TYPES;
  if (!existsSync(SYNTHEA_FOLDER)) return [];
  return readdirSync(SYNTHEA_FOLDER)
    .filter((name) => name.endsWith(SYNTHEA_SUFFIX))
    .map((name) => name.slice(0, -SYNTHEA_SUFFIX.length));
}

/** The ndjson of one type. */
export function sample(source: SampleSource, type: string): Buffer {
  if (source === 'Synthea') return gunzipSync(readFileSync(`${SYNTHEA_FOLDER}/${type}${SYNTHEA_SUFFIX}`));
  const demoType = DEMO_RESOURCE_TYPES.find((known) => known === type);
  if (demoType === undefined) throw new Error(`No generator for ${type}`);
  const lines = [...generateLines({ type: demoType, count: GENERATED_LINES, seed: 1 })];
  return Buffer.from(`${lines.join('\n')}\n`);
}

/** Cuts repetitions of a sample into chunks that, like those of a gunzip, end anywhere within a line. */
export function chunksOf(ndjson: Buffer, chunkBytes: number): Buffer[] {
  const repetitions = Math.max(1, Math.ceil(LEAST_BYTES / ndjson.length));
  const all = Buffer.concat(Array.from({ length: repetitions }, () => ndjson));
  const chunks: Buffer[] = [];
  for (let at = 0; at < all.length; at += chunkBytes) chunks.push(all.subarray(at, at + chunkBytes));
  return chunks;
}
