/**
 * Unpacks random, mostly damaged gzip by the loader's own reader and compares with what Node's gunzip makes of it.
 *
 *   node test/fuzz/gzip-fuzz.ts [count] [seed]
 */

import { isDeepStrictEqual } from 'node:util';
import { constants } from 'node:zlib';
import { Random } from '../../demo/fhir-data/random.ts';
import { toInteger } from '../../demo/parse-options.ts';
import { cutAt } from '../pipeline/cut-at.ts';
import { gzipMember } from '../pipeline/gzip-member.ts';
import { TwoGunzips, type Unpacked } from '../pipeline/two-gunzips.ts';

export interface GzipFuzzReport {
  /** How many files came to what. */
  readonly results: Record<string, number>;
  readonly findings: readonly string[];
}

const MOST_FINDINGS = 20;
const DAMAGED_SHARE = 0.7;
/** Where faults of the reader would be: at the ends of members. */
const NEAR_AN_END = 40;
const STRATEGIES = [constants.Z_DEFAULT_STRATEGY, constants.Z_FIXED, constants.Z_HUFFMAN_ONLY, constants.Z_RLE];
/** Longest content of a member: some that gunzip takes, some that folds, some that fills several buffers. */
const LENGTHS = [0, 3, 5_000, 20_000, 70_000, 300_000];

/** Unpacks `count` files; the same seed gives the same files. */
export async function fuzzGzip(count: number, seed: number): Promise<GzipFuzzReport> {
  const results: Record<string, number> = {};
  const findings: string[] = [];
  const gunzips = new TwoGunzips();
  for (let n = 0; n < count && findings.length < MOST_FINDINGS; n++) {
    const random = new Random(seed, 'gzip-fuzz', n);
    const { bytes, ends } = randomFile(random);
    const damaged = random.chance(DAMAGED_SHARE) ? damage(random, bytes, ends) : bytes;
    const pieces = cutAt(damaged, randomCuts(random, damaged.length, ends));
    const room = random.pick([1_000, 10_000, 100_000, 262_144]);
    const expected = await gunzips.node(pieces, room);
    const actual = await gunzips.own(pieces, room);
    const result = describe(expected);
    results[result] = (results[result] ?? 0) + 1;
    if (!isDeepStrictEqual(actual, expected)) findings.push(`${n}: ${describe(actual)} instead of ${result}`);
  }
  return { results, findings };
}

function describe(unpacked: Unpacked): string {
  return 'failure' in unpacked ? unpacked.failure.replace(/\d+/g, '…') : 'unpacked';
}

function randomFile(random: Random): { bytes: Buffer; ends: number[] } {
  const parts: Buffer[] = [];
  const ends = [0];
  const add = (part: Buffer) => {
    parts.push(part);
    ends.push((ends.at(-1) ?? 0) + part.length);
  };
  for (let left = random.between(1, 4); left > 0; left--) add(randomMember(random));
  if (random.chance(0.2)) add(Buffer.alloc(random.between(1, 600)));
  if (random.chance(0.1)) add(random.chance(0.5) ? randomMember(random) : Buffer.from('else'));
  return { bytes: Buffer.concat(parts), ends };
}

function randomMember(random: Random): Buffer {
  const maybe = <T>(value: T) => (random.chance(0.2) ? value : undefined);
  const header = {
    text: random.chance(0.2),
    sum: random.chance(0.2),
    extra: maybe(Buffer.alloc(random.between(0, 300), random.between(0, 255))),
    name: maybe('n'.repeat(random.between(0, 300))),
    comment: maybe('c'.repeat(random.between(0, 300))),
  };
  const level = random.between(0, 9);
  return gzipMember(randomContent(random), header, { level, strategy: random.pick(STRATEGIES) });
}

function randomContent(random: Random): Buffer {
  const length = random.between(0, random.pick(LENGTHS));
  const line = `{"resourceType":"Patient","id":"${random.digits(8)}","text":"${random.digits(random.between(0, 400))}"}\n`;
  const content = Buffer.alloc(length, line);
  for (let at = 0; at < length; at += random.between(1, 900)) content[at] = random.between(0, 255);
  return content;
}

function damage(random: Random, bytes: Buffer, ends: readonly number[]): Buffer {
  const at = randomPlace(random, bytes.length, ends);
  const damaged = Buffer.from(bytes);
  switch (random.pick(['cut', 'flip', 'flip', 'byte', 'insert', 'remove'])) {
    case 'cut':
      return bytes.subarray(0, Math.max(1, at));
    case 'flip':
      damaged[at] = (damaged[at] ?? 0) ^ (1 << random.between(0, 7));
      return damaged;
    case 'byte':
      damaged[at] = random.between(0, 255);
      return damaged;
    case 'insert':
      return Buffer.concat([bytes.subarray(0, at), Buffer.from([random.between(0, 255)]), bytes.subarray(at)]);
    default:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + random.between(1, 5))]);
  }
}

function randomPlace(random: Random, length: number, ends: readonly number[]): number {
  const last = Math.max(0, length - 1);
  if (random.chance(0.2)) return random.between(0, last);
  return Math.min(last, Math.max(0, random.pick(ends) + random.between(-NEAR_AN_END, NEAR_AN_END)));
}

function randomCuts(random: Random, length: number, ends: readonly number[]): number[] {
  if (random.chance(0.3)) return [];
  if (random.chance(0.3)) return Array.from({ length: Math.floor(length / 65_536) }, (_, n) => (n + 1) * 65_536);
  return Array.from({ length: random.between(1, 100) }, () => randomPlace(random, length, ends));
}

if (import.meta.main) {
  const count = toInteger('the count', process.argv[2], 100_000, 1);
  const seed = toInteger('the seed', process.argv[3], Date.now() % 2 ** 31, 0);
  console.log(`${count} files, seed ${seed}`);
  const { results, findings } = await fuzzGzip(count, seed);
  console.table(results);
  console.log(findings.length === 0 ? 'No findings' : findings.join('\n'));
  process.exitCode = findings.length === 0 ? 0 : 1;
}
