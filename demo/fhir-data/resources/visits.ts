import { conditionFacts, encounterFacts, encounterOf } from '../facts/care.ts';
import { addDays, dateTime } from '../facts/instants.ts';
import { Random } from '../random.ts';
import { resourceId } from '../resource-id.ts';
import { ALLERGENS, REACTIONS, VACCINES, VISITS } from '../vocabulary/other-codes.ts';
import {
  CVX,
  concept,
  DEMO_SYSTEM,
  hl7Concept,
  locationReference,
  organizationReference,
  practitionerReference,
  reference,
  SNOMED,
  subjectOf,
  TERMINOLOGY,
  usCore,
} from './fhir-elements.ts';
import { remarkOf } from './remarks.ts';

export function encounter(seed: number, index: number): object {
  const { id, patient, organizationIndex, problem, isInpatient, start, end } = encounterFacts(seed, index);
  const random = new Random(seed, 'Encounter', index);
  const period = { start: dateTime(start), end: dateTime(end) };
  return {
    resourceType: 'Encounter',
    id,
    meta: usCore('encounter'),
    identifier: [{ use: 'official', system: DEMO_SYSTEM, value: id }],
    status: 'finished',
    class: { system: `${TERMINOLOGY}/v3-ActCode`, code: isInpatient ? 'IMP' : 'AMB' },
    type: [concept(SNOMED, random.pick(VISITS))],
    subject: reference('Patient', patient.id, patient.displayName),
    participant: [
      {
        type: [hl7Concept('v3-ParticipationType', 'PPRF', 'primary performer')],
        period,
        individual: practitionerReference(seed, organizationIndex),
      },
    ],
    period,
    reasonCode: random.chance(0.7)
      ? [{ coding: [{ system: SNOMED, code: problem.code, display: problem.display }] }]
      : undefined,
    hospitalization: isInpatient
      ? { dischargeDisposition: hl7Concept('discharge-disposition', 'home', 'Home') }
      : undefined,
    location: [{ location: locationReference(seed, organizationIndex) }],
    serviceProvider: organizationReference(seed, organizationIndex),
  };
}

export function condition(seed: number, index: number): object {
  const facts = conditionFacts(seed, index);
  const random = new Random(seed, 'Condition', index);
  const onset = dateTime(facts.encounter.start);
  const isResolved = random.chance(0.7);
  return {
    resourceType: 'Condition',
    id: facts.id,
    meta: usCore('condition-encounter-diagnosis'),
    clinicalStatus: hl7Concept('condition-clinical', isResolved ? 'resolved' : 'active'),
    verificationStatus: hl7Concept('condition-ver-status', 'confirmed'),
    category: [
      {
        coding: [
          {
            system: `${TERMINOLOGY}/condition-category`,
            code: 'encounter-diagnosis',
            display: 'Encounter Diagnosis',
          },
        ],
      },
    ],
    code: concept(SNOMED, facts.code),
    subject: subjectOf(facts.encounter),
    encounter: reference('Encounter', facts.encounter.id),
    onsetDateTime: onset,
    abatementDateTime: isResolved ? dateTime(addDays(facts.encounter.start, random.between(7, 400))) : undefined,
    recordedDate: onset,
    note: remarkOf(random, facts.encounter.end),
  };
}

export function immunization(seed: number, index: number): object {
  const visit = encounterOf(seed, 'Immunization', index);
  return {
    resourceType: 'Immunization',
    id: resourceId(seed, 'Immunization', index),
    meta: usCore('immunization'),
    status: 'completed',
    vaccineCode: concept(CVX, new Random(seed, 'Immunization', index).pick(VACCINES)),
    patient: subjectOf(visit),
    encounter: reference('Encounter', visit.id),
    occurrenceDateTime: dateTime(visit.start),
    primarySource: true,
    location: locationReference(seed, visit.organizationIndex),
  };
}

export function allergyIntolerance(seed: number, index: number): object {
  const visit = encounterOf(seed, 'AllergyIntolerance', index);
  const random = new Random(seed, 'AllergyIntolerance', index);
  return {
    resourceType: 'AllergyIntolerance',
    id: resourceId(seed, 'AllergyIntolerance', index),
    meta: usCore('allergyintolerance'),
    clinicalStatus: hl7Concept('allergyintolerance-clinical', 'active'),
    verificationStatus: hl7Concept('allergyintolerance-verification', 'confirmed'),
    type: 'allergy',
    category: [random.pick(['food', 'environment', 'medication'])],
    criticality: random.pick(['low', 'low', 'high']),
    code: concept(SNOMED, random.pick(ALLERGENS)),
    patient: subjectOf(visit),
    recordedDate: dateTime(visit.start),
    reaction: Array.from({ length: random.between(0, 4) }, () => ({
      manifestation: [concept(SNOMED, random.pick(REACTIONS))],
    })),
  };
}
