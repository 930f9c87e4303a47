import { conditionOf, encounterOf } from '../facts/care.ts';
import { addDays, date, dateTime } from '../facts/instants.ts';
import { Random } from '../random.ts';
import { resourceId } from '../resource-id.ts';
import { DEVICES } from '../vocabulary/other-codes.ts';
import { PROBLEMS, ROUTINE_PROCEDURES } from '../vocabulary/problems.ts';
import {
  concept,
  hl7Concept,
  locationReference,
  practitionerReference,
  RXNORM,
  reference,
  SNOMED,
  subjectOf,
  usCore,
} from './fhir-elements.ts';
import { remarkOf } from './remarks.ts';

export function procedure(seed: number, index: number): object {
  const random = new Random(seed, 'Procedure', index);
  const reason = random.chance(0.4) ? conditionOf(seed, 'Procedure', index) : undefined;
  const visit = reason?.encounter ?? encounterOf(seed, 'Procedure', index);
  return {
    resourceType: 'Procedure',
    id: resourceId(seed, 'Procedure', index),
    meta: usCore('procedure'),
    status: 'completed',
    code: concept(SNOMED, random.pick(reason?.problem?.procedures ?? ROUTINE_PROCEDURES)),
    subject: subjectOf(visit),
    encounter: reference('Encounter', visit.id),
    performedPeriod: {
      start: dateTime(visit.start),
      end: dateTime(visit.start + random.between(5, 90) * 60_000),
    },
    location: locationReference(seed, visit.organizationIndex),
    reasonReference: reason === undefined ? undefined : [reference('Condition', reason.id, reason.code.display)],
    note: remarkOf(random, visit.end),
  };
}

export function medicationRequest(seed: number, index: number): object {
  const random = new Random(seed, 'MedicationRequest', index);
  const reason = conditionOf(seed, 'MedicationRequest', index);
  const visit = reason.encounter;
  const problem = reason.problem ?? random.pick(PROBLEMS);
  return {
    resourceType: 'MedicationRequest',
    id: resourceId(seed, 'MedicationRequest', index),
    meta: usCore('medicationrequest'),
    status: random.chance(0.8) ? 'stopped' : 'active',
    intent: 'order',
    category: [hl7Concept('medicationrequest-category', 'community', 'Community')],
    medicationCodeableConcept: concept(RXNORM, random.pick(problem.medications)),
    subject: subjectOf(visit),
    encounter: reference('Encounter', visit.id),
    authoredOn: dateTime(visit.start),
    requester: practitionerReference(seed, visit.organizationIndex),
    reasonReference:
      reason.problem === undefined ? undefined : [reference('Condition', reason.id, reason.problem.display)],
    note: remarkOf(random, visit.end),
    dosageInstruction: dosageInstruction(random),
  };
}

function dosageInstruction(random: Random): readonly object[] | undefined {
  if (random.chance(0.4)) return undefined;
  if (random.chance(0.4)) return [{ sequence: 1, text: 'Take as needed.', asNeededBoolean: true }];
  return [
    {
      sequence: 1,
      timing: { repeat: { frequency: random.between(1, 4), period: 1, periodUnit: 'd' } },
      asNeededBoolean: false,
      doseAndRate: [
        { type: hl7Concept('dose-rate-type', 'ordered', 'Ordered'), doseQuantity: { value: random.between(1, 2) } },
      ],
    },
  ];
}

export function device(seed: number, index: number): object {
  const visit = encounterOf(seed, 'Device', index);
  const random = new Random(seed, 'Device', index);
  const type = random.pick(DEVICES);
  const made = addDays(visit.start, -random.between(20, 400));
  const expires = addDays(made, 9125);
  const [identifier, lot, serial] = [random.digits(14), random.digits(random.between(5, 17)), random.digits(13)];
  const shortDate = (epochMs: number) => date(epochMs).slice(2).replaceAll('-', '');
  return {
    resourceType: 'Device',
    id: resourceId(seed, 'Device', index),
    meta: usCore('implantable-device'),
    udiCarrier: [
      {
        deviceIdentifier: identifier,
        carrierHRF: `(01)${identifier}(11)${shortDate(made)}(17)${shortDate(expires)}(10)${lot}(21)${serial}`,
      },
    ],
    status: 'active',
    distinctIdentifier: identifier,
    manufactureDate: dateTime(made),
    expirationDate: dateTime(expires),
    lotNumber: lot,
    serialNumber: serial,
    deviceName: [{ name: type.display, type: 'user-friendly-name' }],
    type: concept(SNOMED, type),
    patient: subjectOf(visit),
  };
}
