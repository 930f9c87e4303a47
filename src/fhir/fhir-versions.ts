/** The FHIR versions whose resources can be converted. */
export const FHIR_VERSIONS = ['r4', 'r4b', 'r5'] as const;
export type FhirVersion = (typeof FHIR_VERSIONS)[number];
