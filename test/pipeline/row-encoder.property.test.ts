import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Random } from '../../demo/fhir-data/random.ts';
import { CopyBuffers } from '../../src/pipeline/copy-buffers.ts';
import { expectedOfLine } from '../fuzz/expected-of-line.ts';
import { parseJson } from '../fuzz/parse-json.ts';
import { randomLine } from '../fuzz/random-line.ts';
import { cutAt } from './cut-at.ts';
import { encode, testEncoder } from './encode.ts';

interface Resource {
  readonly line: string;
  readonly id: string;
  /** Keys in hexadecimal. */
  readonly rest: unknown;
}

const space = fc.constantFrom('', '', ' ', '\t', '\r', '  ');
const key = fc.oneof(fc.constantFrom('id ', 'Id', 'resourcetype', '', '"id"', '\\'), fc.string({ unit: 'binary' }));
const nested = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary' }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(null, true, 'id', '","id":"x"', 'Patient'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.oneof(key, fc.constantFrom('id', 'resourceType')), tie('value'), { maxKeys: 3 }),
  ),
})).value;
const members = fc.uniqueArray(
  fc.tuple(
    key.filter((name) => name !== 'id' && name !== 'resourceType' && name !== '__proto__'),
    nested,
  ),
  { maxLength: 4, selector: ([name]) => name },
);
const id = fc
  .string({ minLength: 1, maxLength: 64, unit: 'binary' })
  .filter((text) => isShort(text) && !text.includes('\0'));

/** A resource line with members in any order, spaces anywhere, and some characters of strings escaped. */
const resource: fc.Arbitrary<Resource> = fc
  .record({ id, members, hasType: fc.boolean(), seed: fc.integer(), escapes: fc.boolean(), space })
  .map(({ id, members, hasType, seed, escapes, space }) => {
    const random = new Random(seed, 'property', 0);
    const all: [string, unknown][] = [...members, ['id', id]];
    if (hasType) all.push(['resourceType', 'Patient']);
    const shuffled = all.map((member) => ({ member, at: random.next() })).toSorted((a, b) => a.at - b.at);
    const write = (value: unknown) => (escapes ? escapeSome(random, JSON.stringify(value)) : JSON.stringify(value));
    const texts = shuffled.map(({ member: [name, value] }) => `${write(name)}${space}:${space}${write(value)}`);
    const line = `${space}{${space}${texts.join(`${space},${space}`)}${space}}${space}`;
    return { line, id, rest: parseJson(JSON.stringify(Object.fromEntries(members))) };
  });

test('Resources come out as JSON.parse reads them, for a cut at every byte', () => {
  fc.assert(
    fc.property(
      fc.array(resource, { minLength: 1, maxLength: 3 }),
      fc.constantFrom('\n', '\r\n', '\n\n'),
      (all, end) => {
        const bytes = Buffer.from(all.map(({ line }) => line).join(end));
        for (let at = 0; at <= bytes.length; at++) check(cutAt(bytes, [at]), all);
      },
    ),
    { numRuns: 30 },
  );
});

test('Resources come out as JSON.parse reads them, for any number of cuts and any output chunk', () => {
  fc.assert(
    fc.property(
      fc.array(resource, { maxLength: 8 }),
      fc.array(fc.nat(3000), { maxLength: 40 }),
      fc.integer({ min: 20, max: 500 }),
      (all, cuts, chunkBytes) => {
        const bytes = Buffer.from(all.map(({ line }) => `${line}\n`).join(''));
        check(cutAt(bytes, cuts), all, chunkBytes);
      },
    ),
    { numRuns: 300 },
  );
});

test('A file with faulty lines fails at the first of them, wherever it is cut', () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(400), (seed, cut) => {
      const random = new Random(seed, 'lines', 0);
      const kindOf = (line: string) => expectedOfLine(Buffer.from(line)).kind;
      const lines = Array.from({ length: 6 }, () => randomLine(random)).filter((line) => kindOf(line) !== 'invalid');
      const faulty = lines.findIndex((line) => kindOf(line) === 'fault');
      const run = () => encode(cutAt(Buffer.from(lines.join('\n')), [cut]));
      if (faulty === -1) run();
      else assert.throws(run, { name: 'LineError', line: faulty + 1 });
    }),
    { numRuns: 300 },
  );
});

function check(chunks: readonly Buffer[], all: readonly Resource[], chunkBytes = 4096): void {
  const rows = encode(chunks, testEncoder({ buffers: new CopyBuffers(chunkBytes) }));
  assert.deepEqual(
    rows.map(({ id, text }) => ({ id, rest: parseJson(text) })),
    all.map(({ id, rest }) => ({ id, rest })),
  );
}

function isShort(text: string): boolean {
  return [...text].length <= 64;
}

/** The same JSON with about a quarter of its letters and digits within strings written as escapes. */
function escapeSome(random: Random, json: string): string {
  return json.replaceAll(/"(?:[^"\\]|\\.)*"/g, (string) =>
    string.replaceAll(/\\.[0-9a-fA-F]{0,4}|[a-zA-Z]/g, (part) =>
      part.startsWith('\\') || random.chance(0.75) ? part : `\\u${part.charCodeAt(0).toString(16).padStart(4, '0')}`,
    ),
  );
}
