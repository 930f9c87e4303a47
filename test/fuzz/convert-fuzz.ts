/**
 * Converts random, mostly mutated resources to Aidbox's storage format and compares with the oracle.
 *
 *   node test/fuzz/convert-fuzz.ts [count] [seed]
 */

import { Random } from '../../demo/fhir-data/random.ts';
import { toInteger } from '../../demo/parse-options.ts';
import { Transforms } from '../../src/pipeline/create-transform.ts';
import type { LineResult } from '../../src/pipeline/transform.ts';
import { LineConverter } from '../pipeline/fhir-to-aidbox/convert-line.ts';
import { allModels } from '../pipeline/fhir-to-aidbox/oracle/fhir-model.ts';
import { readTree, writeTree } from '../pipeline/fhir-to-aidbox/oracle/json-tree.ts';
import { aidboxOf, TwoForms } from '../pipeline/fhir-to-aidbox/oracle/oracle.ts';
import { RandomResource } from '../pipeline/fhir-to-aidbox/oracle/random-resource.ts';
import { mutateLine } from './mutate-line.ts';

export interface ConvertFuzzReport {
  readonly results: Record<string, number>;
  readonly findings: readonly string[];
  /** Of the rows, how many the plain converter took. */
  readonly plain: number;
}

const MOST_FINDINGS = 20;
const MUTATED_SHARE = 0.8;
const OPTIONS = { format: 'fhir', convertExtensions: true, keepLastUpdated: false } as const;
/** JSON that Postgres does not take. */
const NOT_STORABLE = /\\u(0000|d[89a-f])/i;
/** Bytes before the line. */
const FRAME_BYTES = 5;
/** A line that takes longer has met something that grows worse than with its length. */
const SLOW_MS = 2_000;

/** Converts `count` lines; the same seed gives the same lines. */
export function fuzzConvert(count: number, seed: number): ConvertFuzzReport {
  const results: Record<string, number> = {};
  const findings: string[] = [];
  const models = allModels();
  const transforms = new Transforms();
  const converters = new Map(models.map(({ version }) => [version, new LineConverter(version)]));
  for (let n = 0; n < count && findings.length < MOST_FINDINGS; n++) {
    const random = new Random(seed, 'convert-fuzz', n);
    const model = random.pick(models);
    const type = random.pick(model.resources);
    const draw = (max: number) => (max <= 0 ? 0 : random.between(0, max));
    const whole = Buffer.from(new RandomResource(model, draw, random.chance(0.7)).resource(type));
    const line = random.chance(MUTATED_SHARE) ? mutateLine(random, whole) : whole;
    const transform = transforms.create({ ...OPTIONS, fhirVersion: model.version }, type);
    const bytes = Buffer.concat([Buffer.from('{"a"\n'), line, Buffer.from('\n"extension":"x"}]')]);
    const started = performance.now();
    let result: LineResult;
    let json = Buffer.alloc(0);
    try {
      transform.attach(bytes);
      result = transform.take(FRAME_BYTES, FRAME_BYTES + line.length);
      if (result === 'row') {
        json = Buffer.alloc(transform.jsonBytes);
        if (transform.writeJson(json, 0) !== json.length) throw new Error('another length than it said');
        const single = converters.get(model.version)?.convertBytes(line, type);
        const isSame = Buffer.isBuffer(single) && single.equals(json);
        if (!isSame && parse(json) !== undefined && !NOT_STORABLE.test(json.toString('latin1')))
          throw new Error('the converters differ');
      }
    } catch (error) {
      findings.push(`${n}: ${String(error)}: ${JSON.stringify(line.toString('latin1'))}`);
      continue;
    }
    const ms = performance.now() - started;
    if (ms > SLOW_MS) findings.push(`${n}: took ${ms} ms: ${JSON.stringify(line.toString('latin1'))}`);
    const wanted = expected(line);
    const got = result === 'row' ? normal(json) : result;
    // Both are bad lines, and which of the two is met first does not matter.
    const isBadAnyway =
      (result === 'two-forms' && wanted === 'not-json') ||
      (result === 'not-json' && NOT_STORABLE.test(line.toString('latin1')));
    // What the ids and types are to be is another fuzzer's business.
    const isRight = got === wanted || isBadAnyway || /^(id|type)-|^blank$|^not-an-object$|^two-resources$/.test(result);
    if (!isRight) findings.push(`${n}: ${got} instead of ${wanted}: ${JSON.stringify(line.toString('latin1'))}`);
    const outcome = result === 'row' && got === 'not-json' ? 'left to Postgres' : result;
    results[outcome] = (results[outcome] ?? 0) + 1;

    function expected(bytes: Buffer): string {
      const tree = parse(bytes);
      if (tree === undefined || tree.kind !== 'object') return 'not-json';
      try {
        return writeTree(aidboxOf(model, type, tree));
      } catch (error) {
        if (error instanceof TwoForms) return 'two-forms';
        throw error;
      }
    }
  }
  const plain = [...converters.values()].reduce((sum, converter) => sum + converter.plain / 2, 0);
  return { results, findings, plain };
}

function normal(bytes: Buffer): string {
  const tree = parse(bytes);
  return tree === undefined ? 'not-json' : writeTree(tree);
}

function parse(bytes: Buffer) {
  try {
    return readTree(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    return undefined;
  }
}

if (import.meta.main) {
  const count = toInteger('the count', process.argv[2], 1_000_000, 1);
  const seed = toInteger('the seed', process.argv[3], Date.now() % 2 ** 31, 0);
  console.log(`${count} lines, seed ${seed}`);
  const { results, findings, plain } = fuzzConvert(count, seed);
  console.table({ ...results, 'rows by the plain converter': Math.round(plain) });
  console.log(findings.length === 0 ? 'No findings' : findings.join('\n'));
  process.exitCode = findings.length === 0 ? 0 : 1;
}
