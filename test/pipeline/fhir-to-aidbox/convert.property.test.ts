import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LineChecker } from './check-line.ts';
import { allModels } from './oracle/fhir-model.ts';
import { RandomResource } from './oracle/random-resource.ts';

for (const model of allModels()) {
  describe(`FHIR ${model.version}`, () => {
    const checker = new LineChecker(model);
    const draws = fc.gen().map((value) => (max: number) => value(fc.nat, { max: Math.max(0, max) }));

    test('a resource of every type becomes what the definitions say, stays so, and comes back as it was', () => {
      for (const type of model.resources) {
        fc.assert(
          fc.property(draws, (draw) => {
            const line = new RandomResource(model, draw, false).resource(type);
            checker.check(line, type);
            checker.checkStays(line, type);
            checker.checkReturns(line, type);
          }),
          { numRuns: 15, endOnFailure: true },
        );
      }
    });

    test('keys in any order, escaped or where they mean nothing; two forms at once; white space', () => {
      const types = fc.constantFrom(...model.resources, 'Custom');
      fc.assert(
        fc.property(types, draws, (type, draw) => {
          checker.check(new RandomResource(model, draw, true).resource(type), type);
        }),
        { numRuns: 2000, endOnFailure: true },
      );
    });
  });
}
