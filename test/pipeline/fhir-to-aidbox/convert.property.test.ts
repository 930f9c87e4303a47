import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LineConverter } from './convert-line.ts';
import { allModels } from './oracle/fhir-model.ts';
import { object, readTree, type Tree, writeTree } from './oracle/json-tree.ts';
import { aidboxOf, TwoForms } from './oracle/oracle.ts';
import { RandomResource } from './oracle/random-resource.ts';

for (const model of allModels()) {
  describe(`FHIR ${model.version}`, () => {
    const converter = new LineConverter(model.version);
    const plainExtensions = new LineConverter(model.version, false);
    const draws = fc.gen().map((value) => (max: number) => value(fc.nat, { max: Math.max(0, max) }));

    test('a resource of every type becomes what the definitions say, and stays so', () => {
      for (const type of model.resources) {
        fc.assert(
          fc.property(draws, (draw) => {
            const line = new RandomResource(model, draw, false).resource(type);
            check(line, type);
            checkStays(line, type);
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

function asObject(tree: Tree) {
  return tree.kind === 'object' ? tree : object([]);
}
