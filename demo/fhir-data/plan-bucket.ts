import { DEMO_RESOURCE_TYPES, type DemoResourceType, RESOURCE_SHARES } from './demo-resource-types.ts';
import { Random } from './random.ts';

/** One object of the bucket: which resources go into it. */
export interface PlannedFile {
  readonly key: string;
  readonly type: DemoResourceType;
  readonly firstIndex: number;
  readonly count: number;
}

export interface PlanOptions {
  /** How many resources in all, at least one per type. */
  readonly resources: number;
  /** How many files in all, at least one per type; by default one per type and 50,000 resources. */
  readonly files?: number;
  readonly seed: number;
}

const DEFAULT_RESOURCES_PER_FILE = 50_000;

/** Spreads resources over types by share and over files of uneven size, named like `fhir/Observation.000.ndjson.gz`. */
export function planBucket({ resources, files, seed }: PlanOptions): readonly PlannedFile[] {
  const counts = countsByType(resources);
  const parts = partsByType(counts, files ?? defaultFiles(counts));
  return DEMO_RESOURCE_TYPES.flatMap((type) => planType(type, counts[type], parts[type], seed));
}

type ByType = Record<DemoResourceType, number>;

/**
 * Rounds every type up, for the largest scale at which the sum still fits: then whatever a resource refers to exists
 * (see facts/references.ts). What is left over, less than one per type, becomes patients, who refer to nobody.
 */
function countsByType(resources: number): ByType {
  if (resources < DEMO_RESOURCE_TYPES.length) {
    throw new RangeError(`At least ${DEMO_RESOURCE_TYPES.length} resources are needed, one per type`);
  }
  let scale = resources;
  let counts = scaledCounts(scale);
  while (sum(counts) > resources) counts = scaledCounts(--scale);
  return { ...counts, Patient: counts.Patient + resources - sum(counts) };
}

function scaledCounts(scale: number): ByType {
  const total = sum(RESOURCE_SHARES);
  return byType((type) => Math.max(1, Math.ceil((scale * RESOURCE_SHARES[type]) / total)));
}

function defaultFiles(counts: ByType): number {
  return sum(byType((type) => Math.ceil(counts[type] / DEFAULT_RESOURCES_PER_FILE)));
}

/** One file per type, then each further file to the type with the most resources per file. */
function partsByType(counts: ByType, files: number): ByType {
  if (files < DEMO_RESOURCE_TYPES.length || files > sum(counts)) {
    throw new RangeError(`From ${DEMO_RESOURCE_TYPES.length} to ${sum(counts)} files are possible, not ${files}`);
  }
  const parts = byType(() => 1);
  for (let used = DEMO_RESOURCE_TYPES.length; used < files; used++) {
    const largest = DEMO_RESOURCE_TYPES.reduce((a, b) => (counts[b] / parts[b] > counts[a] / parts[a] ? b : a));
    parts[largest] += 1;
  }
  return parts;
}

function planType(type: DemoResourceType, count: number, parts: number, seed: number): PlannedFile[] {
  const random = new Random(seed, `files of ${type}`, 0);
  const weights = Array.from({ length: parts }, () => 0.3 + random.next());
  const totalWeight = weights.reduce((a, b) => a + b, 0);
  const spare = count - parts;
  const planned: PlannedFile[] = [];
  let weightSoFar = 0;
  let firstIndex = 0;
  for (const [part, weight] of weights.entries()) {
    weightSoFar += weight;
    const isLast = part === parts - 1;
    const end = isLast ? count : part + 1 + Math.floor((spare * weightSoFar) / totalWeight);
    const key = `fhir/${type}.${String(part).padStart(3, '0')}.ndjson.gz`;
    planned.push({ key, type, firstIndex, count: end - firstIndex });
    firstIndex = end;
  }
  return planned;
}

function byType(countOf: (type: DemoResourceType) => number): ByType {
  const entries = DEMO_RESOURCE_TYPES.map((type) => [type, countOf(type)] as const);
  return Object.fromEntries(entries) as ByType;
}

function sum(counts: Readonly<ByType>): number {
  return Object.values(counts).reduce((a, b) => a + b, 0);
}
