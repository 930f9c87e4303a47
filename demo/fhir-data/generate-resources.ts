import type { DemoResourceType } from './demo-resource-types.ts';
import { documentReference } from './resources/documents.ts';
import { explanationOfBenefit } from './resources/explanation-of-benefit.ts';
import { patient } from './resources/patient.ts';
import { location, organization, practitioner, practitionerRole } from './resources/providers.ts';
import { diagnosticReport, observation } from './resources/results.ts';
import { device, medicationRequest, procedure } from './resources/treatments.ts';
import { allergyIntolerance, condition, encounter, immunization } from './resources/visits.ts';

/** Every builder is a pure function of seed and index: no resource needs another one to have been built before. */
const BUILDERS: Readonly<Record<DemoResourceType, (seed: number, index: number) => object>> = {
  AllergyIntolerance: allergyIntolerance,
  Condition: condition,
  Device: device,
  DiagnosticReport: diagnosticReport,
  DocumentReference: documentReference,
  Encounter: encounter,
  ExplanationOfBenefit: explanationOfBenefit,
  Immunization: immunization,
  Location: location,
  MedicationRequest: medicationRequest,
  Observation: observation,
  Organization: organization,
  Patient: patient,
  Practitioner: practitioner,
  PractitionerRole: practitionerRole,
  Procedure: procedure,
};

export interface GenerateOptions {
  readonly type: DemoResourceType;
  readonly count: number;
  readonly seed: number;
  /** Where to start, for the second and later files of a type. */
  readonly firstIndex?: number;
}

/** Realistic FHIR R4 resources as lines of ndjson, without the newline; the same options give the same lines. */
export function* generateLines({ type, count, seed, firstIndex = 0 }: GenerateOptions): Generator<string> {
  const build = BUILDERS[type];
  for (let index = firstIndex; index < firstIndex + count; index++) yield JSON.stringify(build(seed, index));
}
