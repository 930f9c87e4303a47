/**
 * Scans random, mostly mutated lines and compares with JSON.parse.
 *
 *   node test/fuzz/encoder-fuzz.ts [count] [seed]
 */

import { isDeepStrictEqual } from 'node:util';
import { Random } from '../../demo/fhir-data/random.ts';
import { toInteger } from '../../demo/parse-options.ts';
import { ResourceScanner } from '../../src/pipeline/resource-scanner.ts';
import { expectedOfLine, parseStrictly } from './expected-of-line.ts';
import { mutateLine } from './mutate-line.ts';
import { LINE_TYPE, randomLine } from './random-line.ts';

/** How many lines were scanned, with what result, and which of them wrongly. */
export interface FuzzReport {
  readonly results: Record<string, number>;
  readonly findings: readonly string[];
}

/** Lines that share a buffer: the scanner remembers what it found beyond a line's end. */
const LINES_PER_BUFFER = 8;
const MOST_FINDINGS = 20;
const MUTATED_SHARE = 0.85;

/** Scans `count` lines; the same seed gives the same lines. */
export function fuzzEncoder(count: number, seed: number): FuzzReport {
  const results: Record<string, number> = {};
  const findings: string[] = [];
  const scanner = new ResourceScanner(LINE_TYPE);
  for (let done = 0; done < count && findings.length < MOST_FINDINGS; done += LINES_PER_BUFFER) {
    const random = new Random(seed, 'encoder-fuzz', done);
    const lines = Array.from({ length: LINES_PER_BUFFER }, () => nextLine(random));
    const buffer = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
    scanner.attach(buffer);
    let start = 0;
    for (const line of lines) {
      const { outcome, finding } = judge(scanner, buffer, start, start + line.length);
      results[outcome] = (results[outcome] ?? 0) + 1;
      if (finding !== undefined) findings.push(`${finding}: ${JSON.stringify(line.toString('latin1'))}`);
      start += line.length + 1;
    }
  }
  return { results, findings };
}

function nextLine(random: Random): Buffer {
  const line = Buffer.from(randomLine(random));
  return random.chance(MUTATED_SHARE) ? mutateLine(random, line) : line;
}

function judge(scanner: ResourceScanner, buffer: Buffer, start: number, end: number) {
  const expected = expectedOfLine(buffer.subarray(start, end));
  const result = scanner.scan(start, end);
  const outcome = result === 'resource' && expected.kind === 'invalid' ? 'left to Postgres' : result;
  return { outcome, finding: findingOf() };

  function findingOf(): string | undefined {
    if (result === 'blank' || expected.kind === 'blank')
      return result === expected.kind ? undefined : `${result}, but it is ${expected.kind}`;
    if (result !== 'resource') return expected.kind === 'resource' ? `${result}, but it is a resource` : undefined;
    const rest = parseStrictly(remainingText(scanner, buffer, start, end));
    if (expected.kind === 'invalid') return rest === undefined ? undefined : `mended to ${rest.text}`;
    if (expected.kind !== 'resource') return 'a fault was overlooked';
    if (rest === undefined) return 'the remaining text is broken';
    const id = scanner.id.toString();
    if (id !== expected.id || scanner.idSoFar !== expected.id) return `wrong id ${JSON.stringify(id)}`;
    return isDeepStrictEqual(rest.value, expected.rest) ? undefined : `wrong remaining text ${rest.text}`;
  }
}

function remainingText(scanner: ResourceScanner, buffer: Buffer, start: number, end: number): Buffer {
  const { start1, end1, start2, end2 } = scanner.cuts;
  return Buffer.concat([buffer.subarray(start, start1), buffer.subarray(end1, start2), buffer.subarray(end2, end)]);
}

if (import.meta.main) {
  const count = toInteger('the count', process.argv[2], 1_000_000, 1);
  const seed = toInteger('the seed', process.argv[3], Date.now() % 2 ** 31, 0);
  console.log(`${count} lines, seed ${seed}`);
  const { results, findings } = fuzzEncoder(count, seed);
  console.table(results);
  console.log(findings.length === 0 ? 'No findings' : findings.join('\n'));
  process.exitCode = findings.length === 0 ? 0 : 1;
}
