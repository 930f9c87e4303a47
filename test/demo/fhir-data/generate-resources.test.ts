import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import {
  DEMO_RESOURCE_TYPES,
  type DemoResourceType,
  RESOURCE_SHARES,
} from '../../../demo/fhir-data/demo-resource-types.ts';
import { generateLines } from '../../../demo/fhir-data/generate-resources.ts';

/** Bytes per line of real Synthea output; for the three types missing from the sample, of its usual output. */
const SYNTHEA_LINE_SIZES: Readonly<Record<DemoResourceType, number>> = {
  AllergyIntolerance: 973,
  Condition: 1008,
  Device: 844,
  DiagnosticReport: 1700,
  DocumentReference: 3259,
  Encounter: 1600,
  ExplanationOfBenefit: 8000,
  Immunization: 776,
  Location: 740,
  MedicationRequest: 1111,
  Observation: 1100,
  Organization: 1112,
  Patient: 3374,
  Practitioner: 773,
  PractitionerRole: 1220,
  Procedure: 825,
};

const linesOf = (type: DemoResourceType, count: number, seed = 1, firstIndex = 0): string[] => [
  ...generateLines({ type, count, seed, firstIndex }),
];

describe('generateLines', () => {
  it('gives the same bytes for the same seed, on any machine and day', () => {
    const hash = createHash('sha256');
    for (const type of DEMO_RESOURCE_TYPES) hash.update(linesOf(type, 50).join('\n'));
    assert.equal(hash.digest('hex'), '6d3161755903c3c5769992fa37970a403cd3015abd2ffad72976574e3429e614');
  });

  for (const type of DEMO_RESOURCE_TYPES) {
    it(`${type}: other seeds give other resources, and parts continue where the first one ended`, () => {
      assert.notEqual(linesOf(type, 1, 1)[0], linesOf(type, 1, 2)[0]);
      assert.deepEqual([...linesOf(type, 4), ...linesOf(type, 3, 1, 4)], linesOf(type, 7));
    });

    it(`${type}: every line is one resource, type first, id second, id a UUID and unique`, () => {
      const lines = linesOf(type, 2000);
      const ids = new Set<string>();
      for (const line of lines) {
        assert.ok(!line.includes('\n'));
        const resource = JSON.parse(line) as { resourceType: string; id: string };
        assert.deepEqual(Object.keys(resource).slice(0, 2), ['resourceType', 'id']);
        assert.equal(resource.resourceType, type);
        assert.match(resource.id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        ids.add(resource.id);
      }
      assert.equal(ids.size, lines.length);
    });

    it(`${type}: lines are as long as Synthea's, within 30 %`, () => {
      const lines = linesOf(type, 2000);
      const average = lines.reduce((bytes, line) => bytes + Buffer.byteLength(line), 0) / lines.length;
      const ratio = average / SYNTHEA_LINE_SIZES[type];
      assert.ok(ratio > 0.7 && ratio < 1.3, `average of ${Math.round(average)} bytes`);
    });
  }

  it('has a few lines over 40 kB', () => {
    for (const type of ['DocumentReference', 'ExplanationOfBenefit'] as const) {
      const long = linesOf(type, 2000).filter((line) => line.length > 40_000);
      assert.ok(long.length >= 2 && long.length <= 20, `${type}: ${long.length} of 2000`);
    }
  });

  it('has what a parser must unescape and decode', () => {
    const text = [...linesOf('Condition', 2000), ...linesOf('Patient', 200)].join('');
    for (const sample of ['\\n', '\\"', '\\\\', '\\t', 'é', 'ü', '中', '患者'])
      assert.ok(text.includes(sample), sample);
  });

  it('has resources inside a resource, with a type and an id of their own', () => {
    const [line = ''] = linesOf('ExplanationOfBenefit', 1);
    const { contained } = JSON.parse(line) as { contained: { resourceType: string; id: string }[] };
    assert.deepEqual(
      contained.map(({ resourceType, id }) => `${resourceType}/${id}`),
      ['ServiceRequest/referral', 'Coverage/coverage'],
    );
  });

  it('keeps a document of the same patient as its encounter', () => {
    const patientsOf = (type: DemoResourceType) =>
      linesOf(type, 200).map((line) => (JSON.parse(line) as { subject: { reference: string } }).subject.reference);
    assert.equal(RESOURCE_SHARES.DocumentReference, RESOURCE_SHARES.Encounter);
    assert.deepEqual(patientsOf('DocumentReference'), patientsOf('Encounter'));
  });
});
