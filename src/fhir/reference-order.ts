/**
 * The types that others refer to, each group referring to none but itself and those before it, as FHIR's definitions have
 * it and exports use it. In between stand all types that are not named. Few groups: files of one wait for all of those before.
 */
const FIRST: readonly (readonly string[])[] = [
  ['Organization', 'Endpoint', 'Substance', 'DeviceDefinition', 'Questionnaire'],
  ['Location', 'Practitioner', 'HealthcareService', 'Medication'],
  ['PractitionerRole', 'Patient', 'Person'],
  ['RelatedPerson', 'Device', 'Group', 'Coverage', 'EpisodeOfCare', 'Schedule', 'Slot', 'Specimen', 'Encounter'],
];
const LAST: readonly (readonly string[])[] = [
  ['DiagnosticReport', 'Claim', 'MedicationAdministration', 'MedicationDispense', 'MedicationStatement'],
  ['ClaimResponse', 'ExplanationOfBenefit', 'Composition', 'List', 'AuditEvent', 'Provenance'],
];

const STAGES: ReadonlyMap<string, number> = new Map([
  ...FIRST.flatMap((types, stage) => types.map((type) => [type, stage] as const)),
  ...LAST.flatMap((types, stage) => types.map((type) => [type, FIRST.length + 1 + stage] as const)),
]);

/** When a type's files are loaded, where references are resolved: after those of all types of lower stages. */
export function stageOf(type: string): number {
  return STAGES.get(type) ?? FIRST.length;
}
