import { organizationFacts } from '../facts/organizations.ts';
import { type PractitionerFacts, practitionerFacts } from '../facts/people.ts';
import { Random } from '../random.ts';
import { resourceId } from '../resource-id.ts';
import { SPECIALTIES } from '../vocabulary/other-codes.ts';
import { concept, DEMO_SYSTEM, hl7Concept, NPI, NUCC, US_CORE, usCore } from './fhir-elements.ts';

const UTILIZATION = 'https://fhir-demo.example.org/StructureDefinition/utilization';

export function organization(seed: number, index: number): object {
  const { id, name, phone, address } = organizationFacts(seed, index);
  const random = new Random(seed, 'Organization', index);
  return {
    resourceType: 'Organization',
    id,
    meta: usCore('organization'),
    extension: ['encounters', 'procedures', 'labs', 'prescriptions'].map((what) => ({
      url: `${UTILIZATION}-${what}-extension`,
      valueInteger: random.between(0, 900),
    })),
    identifier: [{ system: DEMO_SYSTEM, value: id }],
    active: true,
    type: [hl7Concept('organization-type', 'prov', 'Healthcare Provider')],
    name,
    telecom: [{ system: 'phone', value: phone }],
    address: [address],
  };
}

export function location(seed: number, index: number): object {
  const { id, locationId, name, phone, address, city } = organizationFacts(seed, index);
  return {
    resourceType: 'Location',
    id: locationId,
    meta: usCore('location'),
    identifier: [{ system: DEMO_SYSTEM, value: locationId }],
    status: 'active',
    name,
    telecom: [{ system: 'phone', value: phone }],
    address,
    position: { longitude: city.longitude, latitude: city.latitude },
    managingOrganization: { identifier: { system: DEMO_SYSTEM, value: id }, display: name },
  };
}

export function practitioner(seed: number, index: number): object {
  const facts = practitionerFacts(seed, index);
  const random = new Random(seed, 'Practitioner', index);
  return {
    resourceType: 'Practitioner',
    id: resourceId(seed, 'Practitioner', index),
    meta: usCore('practitioner'),
    extension: [{ url: `${UTILIZATION}-encounters-extension`, valueInteger: random.between(1, 900) }],
    identifier: [{ system: NPI, value: facts.npi }],
    active: true,
    name: [{ family: facts.family, given: [facts.given], prefix: ['Dr.'] }],
    telecom: [directEmail(facts)],
    address: [organizationFacts(seed, index).address],
    gender: facts.gender,
  };
}

export function practitionerRole(seed: number, index: number): object {
  const facts = practitionerFacts(seed, index);
  const { id, locationId, name, phone } = organizationFacts(seed, index);
  const specialty = new Random(seed, 'PractitionerRole', index).pick(SPECIALTIES);
  return {
    resourceType: 'PractitionerRole',
    id: resourceId(seed, 'PractitionerRole', index),
    meta: usCore('practitionerrole'),
    practitioner: { identifier: { system: NPI, value: facts.npi }, display: facts.displayName },
    organization: { identifier: { system: DEMO_SYSTEM, value: id }, display: name },
    code: [concept(NUCC, specialty)],
    specialty: [concept(NUCC, specialty)],
    location: [{ identifier: { system: DEMO_SYSTEM, value: locationId }, display: name }],
    telecom: [{ system: 'phone', value: phone }, directEmail(facts)],
  };
}

function directEmail({ given, family, npi }: PractitionerFacts): object {
  return {
    extension: [{ url: `${US_CORE}/us-core-direct`, valueBoolean: true }],
    system: 'email',
    value: `${given}.${family}.${npi.slice(-4)}@example.com`,
    use: 'work',
  };
}
