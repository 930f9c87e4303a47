import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Transforms } from '../../../src/pipeline/create-transform.ts';
import { NodeCompiler } from '../../../src/pipeline/fhir-to-aidbox/compile-nodes.ts';
import { FhirConverter } from '../../../src/pipeline/fhir-to-aidbox/fhir-converter.ts';
import { DEFINITIONS } from '../../../src/pipeline/fhir-to-aidbox/fhir-version.ts';
import { cutAt } from '../cut-at.ts';
import { encode, testEncoder } from '../encode.ts';
import { LineConverter } from './convert-line.ts';
import { allModels } from './oracle/fhir-model.ts';
import { object, readTree, string, type Tree, writeTree } from './oracle/json-tree.ts';
import { aidboxOf, TwoForms } from './oracle/oracle.ts';
import { RandomResource } from './oracle/random-resource.ts';

for (const model of allModels()) {
  describe(`FHIR ${model.version}`, () => {
    const converter = new LineConverter(model.version);
    const fhir = new FhirConverter(new NodeCompiler(DEFINITIONS[model.version], { convertExtensions: true }));
    const plainExtensions = new LineConverter(model.version, false);
    const draws = fc.gen().map((value) => (max: number) => value(fc.nat, { max: Math.max(0, max) }));

    test('a resource of every type becomes what the definitions say, and stays so', () => {
      for (const type of model.resources) {
        fc.assert(
          fc.property(draws, (draw) => {
            const line = new RandomResource(model, draw, false).resource(type);
            check(line, type);
            checkStays(line, type);
            checkReturns(line, type);
          }),
          { numRuns: 15, endOnFailure: true },
        );
      }
    });

    test('keys in any order, escaped or where they mean nothing; two forms at once; white space', () => {
      const types = fc.constantFrom(...model.resources, 'Custom');
      fc.assert(
        fc.property(types, draws, (type, draw) => check(new RandomResource(model, draw, true).resource(type), type)),
        { numRuns: 2000, endOnFailure: true },
      );
    });

    function check(line: string, type: string): void {
      assert.equal(outcome(converter, line, type), expected(line, type, true), line);
      assert.equal(outcome(plainExtensions, line, type), expected(line, type, false), line);
    }

    function checkStays(line: string, type: string): void {
      const once = converter.convert(line, type);
      if (typeof once !== 'string') return;
      assert.equal(converter.convert(once, type), once, line);
    }

    /** Back in FHIR it is the line, but for what is in columns. */
    function checkReturns(line: string, type: string): void {
      const stored = converter.convert(line, type);
      // Two values of one element come back beside each other.
      if (typeof stored !== 'string') return;
      const own = object([['resourceType', string(type)], ...asObject(readTree(stored)).members]);
      const back = asObject(readTree(fhir.convert(writeTree(own)))).members.filter(([key]) => key !== 'resourceType');
      assert.equal(writeTree(object(back)), writeTree(withoutColumns(line)), line);
    }

    function expected(line: string, type: string, convertExtensions: boolean): string {
      try {
        return writeTree(aidboxOf(model, type, asObject(readTree(line)), convertExtensions));
      } catch (error) {
        if (error instanceof TwoForms) return 'two-forms';
        throw error;
      }
    }
  });
}

function outcome(converter: LineConverter, line: string, type: string): string {
  const converted = converter.convert(line, type);
  if (typeof converted !== 'string') return converted.code;
  try {
    return writeTree(readTree(converted));
  } catch (error) {
    throw new Error(`${line} became ${converted}`, { cause: error });
  }
}

/** The members of a line that are not in columns. */
function withoutColumns(line: string) {
  const members = asObject(readTree(line)).members.flatMap(([key, value]): [string, Tree][] => {
    if (key === 'id' || key === 'resourceType') return [];
    if (key !== 'meta' || value.kind !== 'object') return [[key, value]];
    const left = value.members.filter(([name]) => name !== 'lastUpdated' && name !== 'versionId');
    return left.length === 0 ? [] : [[key, object(left)]];
  });
  return object(members);
}

function asObject(tree: Tree) {
  return tree.kind === 'object' ? tree : object([]);
}

test('a file comes out the same wherever its bytes are cut', async () => {
  const [model] = allModels();
  assert.ok(model !== undefined);
  const draws = fc.gen().map((value) => (max: number) => value(fc.nat, { max: Math.max(0, max) }));
  await fc.assert(
    fc.asyncProperty(draws, async (draw) => {
      const lines = ['a', 'b', 'c'].map((id) => new RandomResource(model, draw, false).resource('Observation', id));
      const bytes = Buffer.from(lines.join('\n'));
      const whole = await rowsOf([bytes]);
      const step = Math.max(1, Math.floor(bytes.length / 200));
      for (let at = 1; at < bytes.length; at += step) assert.deepEqual(await rowsOf(cutAt(bytes, [at])), whole);
      const model4 = new LineConverter('r4');
      assert.deepEqual(
        whole.map(({ text }) => text),
        lines.map((line) => model4.convert(line, 'Observation')),
      );
    }),
    { numRuns: 5, endOnFailure: true },
  );
});

function rowsOf(chunks: readonly Buffer[]) {
  const options = { format: 'fhir', fhirVersion: 'r4', convertExtensions: true, keepLastUpdated: false } as const;
  return encode(chunks, testEncoder({ transform: new Transforms().create(options, 'Observation') }));
}
