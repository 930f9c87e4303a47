/**
 * CPU time from a line to the text that is stored: as it is, converted to Aidbox's storage format, and by JSON.parse and
 * JSON.stringify, which convert nothing. In turn, as the machine's speed drifts; the ratios are what counts.
 *
 *   BENCH_SYNTHEA_FOLDER=… node bench/micro/convert.ts
 *
 * A further argument is another checkout of this repository, whose conversion is measured beside.
 */
import { resolve } from 'node:path';
import { Transforms } from '../../src/pipeline/create-transform.ts';
import type { LineTransform } from '../../src/pipeline/transform.ts';
import { median } from '../report/median.ts';
import { textTable } from '../report/text-table.ts';
import { SAMPLE_SOURCES, sample, sampleTypes } from './samples.ts';

const ROUNDS = 7;
const BYTES_PER_RUN = 16 * 2 ** 20;
const OPTIONS = { fhirVersion: 'r4', convertExtensions: true, keepLastUpdated: false } as const;

const other = process.argv[2];
const transforms = new Transforms();
const others: Transforms | undefined =
  other === undefined ? undefined : new (await import(resolve(other, 'src/pipeline/create-transform.ts'))).Transforms();
const names = ['as it is', 'converted', ...(others === undefined ? [] : ['the other']), 'JSON'];
const out = Buffer.alloc(32 * 2 ** 20);

for (const source of SAMPLE_SOURCES) {
  const rows = sampleTypes(source).map((type) => ({ type, figures: measure(type, sample(source, type)) }));
  if (rows.length === 0) continue;
  console.log(`\n${source}: CPU s/GB, medians of ${ROUNDS}`);
  const means = names.map((_, at) => rows.reduce((sum, { figures }) => sum + (figures[at] ?? 0), 0) / rows.length);
  const cells = [...rows, { type: 'mean', figures: means }].map(({ type, figures }) => [
    type,
    ...figures.map((figure) => figure.toFixed(2)),
    ...figures.slice(1, -1).map((figure) => (figure / (figures.at(-1) ?? 0)).toFixed(3)),
  ]);
  console.log(textTable(['', ...names, ...names.slice(1, -1).map((name) => `${name}, of JSON`)], cells));
}

/** CPU s/GB of each, in the order of `names`. */
function measure(type: string, ndjson: Buffer): number[] {
  const lines = linesOf(ndjson);
  const all = [
    transforms.create({ ...OPTIONS, format: 'as-is' }, type),
    transforms.create({ ...OPTIONS, format: 'fhir' }, type),
    ...(others === undefined ? [] : [others.create({ ...OPTIONS, format: 'fhir' }, type)]),
  ];
  const runs = [...all.map((transform) => () => transformed(transform)), json];
  const passes = Math.max(1, Math.round(BYTES_PER_RUN / ndjson.length));
  const figures = runs.map(() => [] as number[]);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [at, run] of runs.entries()) {
      const before = process.cpuUsage();
      for (let pass = 0; pass < passes; pass++) run();
      const { user, system } = process.cpuUsage(before);
      // The first round warms up.
      if (round > 0) figures[at]?.push((user + system) / 1e6 / ((passes * ndjson.length) / 1e9));
    }
  }
  return figures.map(median);

  function transformed(transform: LineTransform): void {
    transform.attach(ndjson);
    for (const [start, end] of lines) {
      if (transform.take(start, end) !== 'row') throw new Error(`a bad line at ${start}`);
      transform.writeJson(out, 0);
    }
  }

  function json(): void {
    for (const [start, end] of lines) {
      const resource = JSON.parse(ndjson.toString('utf8', start, end));
      delete resource.id;
      delete resource.resourceType;
      out.write(JSON.stringify(resource));
    }
  }
}

function linesOf(ndjson: Buffer): [start: number, end: number][] {
  const lines: [number, number][] = [];
  let start = 0;
  for (let feed = ndjson.indexOf(0x0a); feed !== -1; feed = ndjson.indexOf(0x0a, start)) {
    lines.push([start, feed]);
    start = feed + 1;
  }
  return lines;
}
