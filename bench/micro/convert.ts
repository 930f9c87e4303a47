/**
 * CPU time of the conversion to Aidbox's storage format, beside JSON.parse and JSON.stringify of the same lines, which convert
 * nothing. In turn, as the machine's speed drifts; the ratio is what counts.
 *
 *   BENCH_SYNTHEA_FOLDER=… node bench/micro/convert.ts
 */
import { AidboxConverter } from '../../src/pipeline/fhir-to-aidbox/aidbox-converter.ts';
import { BracketIndex } from '../../src/pipeline/fhir-to-aidbox/bracket-index.ts';
import { NodeCompiler } from '../../src/pipeline/fhir-to-aidbox/compile-nodes.ts';
import { DEFINITIONS } from '../../src/pipeline/fhir-to-aidbox/fhir-version.ts';
import { median } from '../report/median.ts';
import { textTable } from '../report/text-table.ts';
import { SAMPLE_SOURCES, sample, sampleTypes } from './samples.ts';

const ROUNDS = 7;
const BYTES_PER_RUN = 24 * 2 ** 20;

const compiler = new NodeCompiler(DEFINITIONS.r4, { convertExtensions: true });
const converter = new AidboxConverter(compiler, new BracketIndex());

for (const source of SAMPLE_SOURCES) {
  const rows = sampleTypes(source).map((type) => measure(type, sample(source, type)));
  if (rows.length === 0) continue;
  console.log(`\n${source}: CPU s/GB, medians of ${ROUNDS}`);
  const mean = (at: number) => rows.reduce((sum, row) => sum + (row.figures[at] ?? 0), 0) / rows.length;
  const all = [...rows, { type: 'mean', figures: [mean(0), mean(1)] }];
  const cells = all.map(({ type, figures: [convert = 0, json = 0] }) => [
    type,
    convert.toFixed(2),
    json.toFixed(2),
    (convert / json).toFixed(3),
  ]);
  console.log(textTable(['', 'convert', 'JSON', 'ratio'], cells));
}

function measure(type: string, ndjson: Buffer): { type: string; figures: number[] } {
  const lines = linesOf(ndjson);
  const root = compiler.root(type);
  const convert = () => {
    converter.attach(ndjson);
    let bytes = 0;
    for (const [start, end] of lines) {
      if (converter.convert(root, start, start, end) !== undefined) throw new Error(`a bad line at ${start}`);
      bytes += converter.segments.bytes;
    }
    return bytes;
  };
  const json = () => {
    let bytes = 0;
    for (const [start, end] of lines) {
      const resource = JSON.parse(ndjson.toString('utf8', start, end));
      delete resource.id;
      delete resource.resourceType;
      bytes += Buffer.from(JSON.stringify(resource)).length;
    }
    return bytes;
  };
  const passes = Math.max(1, Math.round(BYTES_PER_RUN / ndjson.length));
  const figures = [convert, json].map(() => [] as number[]);
  for (let round = 0; round <= ROUNDS; round++) {
    for (const [at, run] of [convert, json].entries()) {
      const before = process.cpuUsage();
      for (let pass = 0; pass < passes; pass++) run();
      const { user, system } = process.cpuUsage(before);
      // The first round warms up.
      if (round > 0) figures[at]?.push((user + system) / 1e6 / ((passes * ndjson.length) / 1e9));
    }
  }
  return { type, figures: figures.map(median) };
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
