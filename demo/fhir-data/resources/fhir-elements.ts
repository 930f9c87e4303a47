import type { EncounterFacts } from '../facts/care.ts';
import { organizationFacts } from '../facts/organizations.ts';
import { practitionerFacts } from '../facts/people.ts';
import type { Code } from '../vocabulary/code.ts';

export const SNOMED = 'http://snomed.info/sct';
export const LOINC = 'http://loinc.org';
export const RXNORM = 'http://www.nlm.nih.gov/research/umls/rxnorm';
export const CVX = 'http://hl7.org/fhir/sid/cvx';
export const NUCC = 'http://nucc.org/provider-taxonomy';
export const NPI = 'http://hl7.org/fhir/sid/us-npi';
export const TERMINOLOGY = 'http://terminology.hl7.org/CodeSystem';
export const US_CORE = 'http://hl7.org/fhir/us/core/StructureDefinition';
/** The naming system of the identifiers this generator hands out. */
export const DEMO_SYSTEM = 'https://fhir-demo.example.org/identifiers/v1';

export function usCore(profile: string): object {
  return { profile: [`${US_CORE}/us-core-${profile}`] };
}

export function concept(system: string, { code, display }: Code): object {
  return { coding: [{ system, code, display }], text: display };
}

/** A concept of HL7's own terminology, with a display and a text only where Synthea gives one. */
export function hl7Concept(system: string, code: string, display?: string): object {
  const coding = [{ system: `${TERMINOLOGY}/${system}`, code, display }];
  return display === undefined ? { coding } : { coding, text: display };
}

export function reference(type: string, id: string, display?: string): object {
  return { reference: `${type}/${id}`, display };
}

/** Staff and places are referred to by identifier, as in Synthea's bulk export. */
export function practitionerReference(seed: number, index: number): object {
  const { npi, displayName } = practitionerFacts(seed, index);
  return { reference: `Practitioner?identifier=${NPI}|${npi}`, display: displayName };
}

export function organizationReference(seed: number, index: number): object {
  const { id, name } = organizationFacts(seed, index);
  return { reference: `Organization?identifier=${DEMO_SYSTEM}|${id}`, display: name };
}

export function locationReference(seed: number, index: number): object {
  const { locationId, name } = organizationFacts(seed, index);
  return { reference: `Location?identifier=${DEMO_SYSTEM}|${locationId}`, display: name };
}

export function subjectOf(encounter: EncounterFacts): object {
  return reference('Patient', encounter.patient.id);
}
