import { type EncounterFacts, encounterOf } from '../facts/care.ts';
import { addDays, dateTime } from '../facts/instants.ts';
import { Random } from '../random.ts';
import { resourceId } from '../resource-id.ts';
import type { Code } from '../vocabulary/code.ts';
import { PAYERS } from '../vocabulary/other-codes.ts';
import { ROUTINE_PROCEDURES } from '../vocabulary/problems.ts';
import {
  concept,
  DEMO_SYSTEM,
  hl7Concept,
  locationReference,
  organizationReference,
  practitionerReference,
  reference,
  SNOMED,
  subjectOf,
} from './fhir-elements.ts';

/** One claim in this many is for a long stay, with so many items that its line is over 40 kB. */
const LONG_CLAIM_IN = 300;
const LONG_CLAIM_ITEMS = 34;

/** The largest type, and the one with resources inside the resource: `contained` has its own types and ids. */
export function explanationOfBenefit(seed: number, index: number): object {
  const encounter = encounterOf(seed, 'ExplanationOfBenefit', index);
  const random = new Random(seed, 'ExplanationOfBenefit', index);
  const payer = random.pick(PAYERS);
  const itemCount = random.between(1, LONG_CLAIM_IN) === 1 ? LONG_CLAIM_ITEMS : random.between(1, 6);
  const codes = Array.from({ length: itemCount }, () => random.pick(ROUTINE_PROCEDURES));
  const items = codes.map((code, at) => item(random, encounter, at + 1, at === 0 ? encounter.problem : code));
  const provider = practitionerReference(seed, encounter.organizationIndex);
  return {
    resourceType: 'ExplanationOfBenefit',
    id: resourceId(seed, 'ExplanationOfBenefit', index),
    meta: { profile: ['http://hl7.org/fhir/us/carin-bb/StructureDefinition/C4BB-ExplanationOfBenefit-Professional'] },
    contained: contained(encounter, payer, provider),
    identifier: [{ system: `${DEMO_SYSTEM}/claim_id`, value: random.digits(12) }],
    status: 'active',
    type: hl7Concept('claim-type', encounter.isInpatient ? 'institutional' : 'professional'),
    use: 'claim',
    patient: subjectOf(encounter),
    billablePeriod: { start: dateTime(encounter.start), end: dateTime(addDays(encounter.end, 365)) },
    created: dateTime(encounter.end),
    insurer: { display: payer },
    provider,
    referral: { reference: '#referral' },
    facility: locationReference(seed, encounter.organizationIndex),
    outcome: 'complete',
    careTeam: [{ sequence: 1, provider, role: hl7Concept('claimcareteamrole', 'primary', 'Primary provider') }],
    diagnosis: [
      {
        sequence: 1,
        diagnosisCodeableConcept: concept(SNOMED, encounter.problem),
        type: [hl7Concept('ex-diagnosistype', 'principal')],
      },
    ],
    insurance: [{ focal: true, coverage: { reference: '#coverage', display: payer } }],
    item: items,
    total: [{ category: hl7Concept('adjudication', 'submitted', 'Submitted Amount'), amount: dollars(random) }],
    payment: { amount: dollars(random) },
    payee: {
      type: hl7Concept('payeetype', 'provider'),
      party: organizationReference(seed, encounter.organizationIndex),
    },
  };
}

function contained(encounter: EncounterFacts, payer: string, provider: object): readonly object[] {
  return [
    {
      resourceType: 'ServiceRequest',
      id: 'referral',
      status: 'completed',
      intent: 'order',
      subject: subjectOf(encounter),
      requester: provider,
      performer: [provider],
    },
    {
      resourceType: 'Coverage',
      id: 'coverage',
      status: 'active',
      type: { text: payer },
      beneficiary: subjectOf(encounter),
      payor: [{ display: payer }],
    },
  ];
}

function item(random: Random, encounter: EncounterFacts, sequence: number, code: Code): object {
  return {
    sequence,
    category: {
      coding: [{ system: 'https://bluebutton.cms.gov/resources/variables/line_cms_type_srvc_cd', code: '1' }],
    },
    productOrService: concept(SNOMED, code),
    servicedPeriod: { start: dateTime(encounter.start), end: dateTime(encounter.end) },
    locationCodeableConcept: hl7Concept('ex-serviceplace', '19', 'Off Campus-Outpatient Hospital'),
    net: dollars(random),
    encounter: sequence === 1 ? [reference('Encounter', encounter.id)] : undefined,
    adjudication: [
      adjudication(random, 'coinsurance', 'Line Beneficiary Coinsurance Amount'),
      adjudication(random, 'submitted', 'Line Submitted Charge Amount'),
      adjudication(random, 'benefit', 'Line Provider Payment Amount'),
    ],
  };
}

function adjudication(random: Random, code: string, display: string): object {
  return { category: hl7Concept('adjudication', code, display), amount: dollars(random) };
}

function dollars(random: Random): object {
  return { value: random.between(500, 90_000) / 100, currency: 'USD' };
}
