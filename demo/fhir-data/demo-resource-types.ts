/**
 * The resource types of the demo data and how many of each there are relative to the others, shaped like the output of
 * Synthea for a small population: mostly observations, few patients, even fewer allergies.
 */
export const DEMO_RESOURCE_TYPES = [
  'AllergyIntolerance',
  'Condition',
  'Device',
  'DiagnosticReport',
  'DocumentReference',
  'Encounter',
  'ExplanationOfBenefit',
  'Immunization',
  'Location',
  'MedicationRequest',
  'Observation',
  'Organization',
  'Patient',
  'Practitioner',
  'PractitionerRole',
  'Procedure',
] as const;

export type DemoResourceType = (typeof DEMO_RESOURCE_TYPES)[number];

/**
 * Relative counts; only their ratios matter. References between types rely on these ratios (see facts/references.ts):
 * an organization has exactly one practitioner, role and location, and an encounter exactly one document.
 */
export const RESOURCE_SHARES: Readonly<Record<DemoResourceType, number>> = {
  AllergyIntolerance: 12,
  Condition: 550,
  Device: 16,
  DiagnosticReport: 800,
  DocumentReference: 1200,
  Encounter: 1200,
  ExplanationOfBenefit: 300,
  Immunization: 160,
  Location: 44,
  MedicationRequest: 1150,
  Observation: 4200,
  Organization: 44,
  Patient: 24,
  Practitioner: 44,
  PractitionerRole: 44,
  Procedure: 2050,
};
