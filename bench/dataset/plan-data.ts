import {
  DEMO_RESOURCE_TYPES,
  type DemoResourceType,
  RESOURCE_SHARES,
} from '../../demo/fhir-data/demo-resource-types.ts';
import { generateLines } from '../../demo/fhir-data/generate-resources.ts';
import { type PlannedFile, planBucket } from '../../demo/fhir-data/plan-bucket.ts';
import { Random } from '../../demo/fhir-data/random.ts';

/**
 * How a bench's bytes lie in files:
 * `mixed` is Synthea-like, all types, files of uneven size;
 * `one-file` is one Observation file, `many-files` the same rows in 14 files of uneven size;
 * `mid-files` the same rows in 400;
 * `large-rows` are documents and bills, of 3 and 8 kB, in 14 files;
 * `skewed` has 48 files, the largest a third of all bytes and most of them small;
 * `small-files` has very many, of 1 to 50 rows and four types; `few-files` the same rows in 20.
 */
export const SHAPES = [
  'mixed',
  'one-file',
  'many-files',
  'mid-files',
  'large-rows',
  'skewed',
  'small-files',
  'few-files',
] as const;
export type Shape = (typeof SHAPES)[number];

export interface DataOptions {
  readonly shape: Shape;
  /** Size of the ndjson, about, in bytes; of no account for `small-files` and `few-files`. */
  readonly bytes: number;
  readonly seed: number;
  /** How many files `small-files` has. */
  readonly files?: number;
}

const MIXED_FILES = 24;
const MANY_FILES = 14;
const MID_FILES = 400;
const SKEWED_FILES = 48;
const SAMPLE_LINES = 500;
/** What patients write most of, hence what large exports hold in their largest files. */
const ONE_TYPE = 'Observation';
const LARGE_TYPES = ['DocumentReference', 'ExplanationOfBenefit'] as const;
/** Of many small files, as a feed of messages has them, and the most rows that one holds. */
const SMALL_TYPES = ['Patient', 'Encounter', 'Observation', 'Condition'] as const;
const SMALL_FILES = 10_000;
const MOST_SMALL_ROWS = 50;
const FEW_FILES = 20;

/** Which resources go into which file. */
export function planData({ shape, bytes, seed, files: smallFiles = SMALL_FILES }: DataOptions): readonly PlannedFile[] {
  if (shape === 'small-files') return planSmall(smallFiles, seed);
  if (shape === 'few-files') return planFew(smallFiles, seed);
  if (shape === 'mixed') {
    return planBucket({ resources: Math.round(bytes / meanLineBytes(seed)), files: MIXED_FILES, seed });
  }
  if (shape === 'skewed') return planSkewed(bytes, seed);
  if (shape === 'large-rows') {
    return LARGE_TYPES.flatMap((type) =>
      splitType(type, Math.round(bytes / 2 / lineBytes(type, seed)), unevenWeights(MANY_FILES / 2, seed)),
    );
  }
  const files = { 'one-file': 1, 'many-files': MANY_FILES, 'mid-files': MID_FILES }[shape];
  const count = Math.max(files, Math.round(bytes / lineBytes(ONE_TYPE, seed)));
  const weights = files === 1 ? [1] : unevenWeights(files, seed);
  return splitType(ONE_TYPE, count, weights);
}

function planSmall(files: number, seed: number): PlannedFile[] {
  const random = new Random(seed, 'small files', 0);
  const nextIndex = new Map<DemoResourceType, number>();
  return Array.from({ length: files }, (_, n) => {
    const type = SMALL_TYPES[n % SMALL_TYPES.length] ?? ONE_TYPE;
    const firstIndex = nextIndex.get(type) ?? 0;
    const count = 1 + Math.floor(random.next() * MOST_SMALL_ROWS);
    nextIndex.set(type, firstIndex + count);
    return { key: keyOf(type, n), type, firstIndex, count };
  });
}

function planFew(files: number, seed: number): PlannedFile[] {
  const small = planSmall(files, seed);
  return SMALL_TYPES.flatMap((type) => {
    const rows = small.reduce((sum, file) => sum + (file.type === type ? file.count : 0), 0);
    const evenly = Array.from({ length: FEW_FILES / SMALL_TYPES.length }, () => 1);
    return splitType(type, rows, evenly);
  });
}

/** The n-th size falls like n^-1.2: the first file holds about a third of all bytes, the last a few thousandths. */
function planSkewed(bytes: number, seed: number): PlannedFile[] {
  const random = new Random(seed, 'skewed files', 0);
  const weights = Array.from({ length: SKEWED_FILES }, (_, n) => (0.7 + 0.6 * random.next()) / (1 + n) ** 1.2);
  const sum = weights.reduce((a, b) => a + b, 0);
  const nextIndex = new Map<DemoResourceType, number>();
  const parts = new Map<DemoResourceType, number>();
  return weights.map((weight) => {
    const type = weightedType(random);
    const firstIndex = nextIndex.get(type) ?? 0;
    const part = parts.get(type) ?? 0;
    const count = Math.max(1, Math.round((bytes * weight) / sum / lineBytes(type, seed)));
    nextIndex.set(type, firstIndex + count);
    parts.set(type, part + 1);
    return { key: keyOf(type, part), type, firstIndex, count };
  });
}

function weightedType(random: Random): DemoResourceType {
  const sum = DEMO_RESOURCE_TYPES.reduce((shares, type) => shares + RESOURCE_SHARES[type], 0);
  let at = random.next() * sum;
  for (const type of DEMO_RESOURCE_TYPES) {
    at -= RESOURCE_SHARES[type];
    if (at < 0) return type;
  }
  return ONE_TYPE;
}

function splitType(type: DemoResourceType, count: number, weights: readonly number[]): PlannedFile[] {
  const sum = weights.reduce((a, b) => a + b, 0);
  let soFar = 0;
  return weights.map((weight, part) => {
    const firstIndex = Math.round((count * soFar) / sum);
    soFar += weight;
    return { key: keyOf(type, part), type, firstIndex, count: Math.round((count * soFar) / sum) - firstIndex };
  });
}

function unevenWeights(files: number, seed: number): number[] {
  const random = new Random(seed, 'many files', 0);
  return Array.from({ length: files }, () => 0.3 + random.next());
}

function keyOf(type: string, part: number): string {
  return `fhir/${type}.${String(part).padStart(3, '0')}.ndjson.gz`;
}

function meanLineBytes(seed: number): number {
  let bytes = 0;
  let shares = 0;
  for (const type of DEMO_RESOURCE_TYPES) {
    bytes += lineBytes(type, seed) * RESOURCE_SHARES[type];
    shares += RESOURCE_SHARES[type];
  }
  return bytes / shares;
}

function lineBytes(type: DemoResourceType, seed: number): number {
  let bytes = 0;
  for (const line of generateLines({ type, count: SAMPLE_LINES, seed })) bytes += Buffer.byteLength(line) + 1;
  return bytes / SAMPLE_LINES;
}
