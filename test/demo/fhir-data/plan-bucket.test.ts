import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DEMO_RESOURCE_TYPES } from '../../../demo/fhir-data/demo-resource-types.ts';
import { generateLines } from '../../../demo/fhir-data/generate-resources.ts';
import { planBucket } from '../../../demo/fhir-data/plan-bucket.ts';

const SIZES = [
  { resources: 16 },
  { resources: 17 },
  { resources: 100 },
  { resources: 999, files: 40 },
  { resources: 12_345, files: 16 },
  { resources: 1_000_000 },
  { resources: 1_000_000, files: 300 },
  { resources: 16, files: 16 },
];

describe('planBucket', () => {
  for (const size of SIZES) {
    it(`plans exactly ${size.resources} resources in ${size.files ?? 'some'} files, without gap or empty file`, () => {
      const plan = planBucket({ ...size, seed: 1 });
      assert.equal(
        plan.reduce((total, file) => total + file.count, 0),
        size.resources,
      );
      if (size.files !== undefined) assert.equal(plan.length, size.files);
      assert.equal(new Set(plan.map((file) => file.key)).size, plan.length);
      assert.deepEqual(new Set(plan.map((file) => file.type)), new Set(DEMO_RESOURCE_TYPES));
      const nextIndex = new Map<string, number>();
      for (const { key, type, firstIndex, count } of plan) {
        assert.match(key, new RegExp(`^fhir/${type}\\.\\d{3}\\.ndjson\\.gz$`));
        assert.ok(count >= 1);
        assert.equal(firstIndex, nextIndex.get(type) ?? 0);
        nextIndex.set(type, firstIndex + count);
      }
    });
  }

  it('is the same for the same seed and splits differently for another', () => {
    const options = { resources: 100_000, files: 60 };
    assert.deepEqual(planBucket({ ...options, seed: 1 }), planBucket({ ...options, seed: 1 }));
    assert.notDeepEqual(planBucket({ ...options, seed: 1 }), planBucket({ ...options, seed: 2 }));
  });

  it('has several parts of uneven size for a big type', () => {
    const parts = planBucket({ resources: 100_000, files: 60, seed: 1 }).filter(({ type }) => type === 'Observation');
    assert.ok(parts.length > 5);
    const counts = parts.map(({ count }) => count);
    assert.ok(Math.max(...counts) > 1.5 * Math.min(...counts));
  });

  it('refuses what cannot have a resource of every type in every file', () => {
    assert.throws(() => planBucket({ resources: 15, seed: 1 }), RangeError);
    assert.throws(() => planBucket({ resources: 100, files: 15, seed: 1 }), RangeError);
    assert.throws(() => planBucket({ resources: 100, files: 101, seed: 1 }), RangeError);
  });

  for (const resources of [16, 47, 250, 1003, 12_000]) {
    it(`plans ${resources} resources such that every reference resolves`, () => {
      const lines = planBucket({ resources, seed: 3 }).flatMap((file) => [...generateLines({ ...file, seed: 3 })]);
      const known = new Set(lines.flatMap(namesOf));
      const missing = lines.flatMap(referencesIn).filter((reference) => !known.has(reference));
      assert.deepEqual(missing, []);
    });
  }
});

/** What a resource can be referred to by: type and id, or type and identifier. */
function namesOf(line: string): string[] {
  const resource = JSON.parse(line) as {
    resourceType: string;
    id: string;
    identifier?: { system: string; value: string }[];
  };
  const identifiers = resource.identifier ?? [];
  return [
    `${resource.resourceType}/${resource.id}`,
    ...identifiers.map(({ system, value }) => `${resource.resourceType}?identifier=${system}|${value}`),
  ];
}

function referencesIn(line: string): string[] {
  return [...line.matchAll(/"reference":"([^"#]+)"/g)].map(([, target = '']) => target);
}
