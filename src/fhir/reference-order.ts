/**
 * The types that others refer to, each group referring to none but itself and those before it, as FHIR's definitions have
 * it and exports use it. In between stand all types that are not named.
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

/** From this stage on, files do not wait for each other, until one shows that they have to. */
const UNORDERED_FROM = 3;

/** When a type's files are begun, where references are resolved: after those of all types of lower stages. */
export function stageOf(type: string): number {
  return STAGES.get(type) ?? FIRST.length;
}

/**
 * The stage whose end a type's files wait for.
 * @param isStrict whether some file refers to what others of the later stages bring
 */
export function waitingStageOf(type: string, isStrict: boolean): number {
  return isStrict ? stageOf(type) : Math.min(stageOf(type), UNORDERED_FROM);
}
