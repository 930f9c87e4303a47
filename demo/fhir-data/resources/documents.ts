import { encounterFacts } from '../facts/care.ts';
import { dateTime, instant } from '../facts/instants.ts';
import { Random } from '../random.ts';
import { resourceId } from '../resource-id.ts';
import { clinicalNote } from './clinical-note.ts';
import { LOINC, organizationReference, practitionerReference, reference, subjectOf, usCore } from './fhir-elements.ts';

/** The note of the encounter at the same index, as an attachment. */
export function documentReference(seed: number, index: number): object {
  const encounter = encounterFacts(seed, index);
  const isSuperseded = new Random(seed, 'DocumentReference', index).chance(0.9);
  return {
    resourceType: 'DocumentReference',
    id: resourceId(seed, 'DocumentReference', index),
    meta: usCore('documentreference'),
    identifier: [{ system: 'urn:ietf:rfc:3986', value: `urn:uuid:${resourceId(seed, 'Note', index)}` }],
    status: isSuperseded ? 'superseded' : 'current',
    type: {
      coding: [
        { system: LOINC, code: '34117-2', display: 'History and physical note' },
        { system: LOINC, code: '51847-2', display: 'Evaluation + Plan note' },
      ],
    },
    category: [
      {
        coding: [
          {
            system: 'http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category',
            code: 'clinical-note',
            display: 'Clinical Note',
          },
        ],
      },
    ],
    subject: subjectOf(encounter),
    date: instant(encounter.start),
    author: [practitionerReference(seed, encounter.organizationIndex)],
    custodian: organizationReference(seed, encounter.organizationIndex),
    content: [
      {
        attachment: {
          contentType: 'text/plain; charset=utf-8',
          data: Buffer.from(clinicalNote(seed, encounter), 'utf8').toString('base64'),
        },
        format: {
          system: 'http://ihe.net/fhir/ihe.formatcode.fhir/CodeSystem/formatcode',
          code: 'urn:ihe:iti:xds:2017:mimeTypeSufficient',
          display: 'mimeType Sufficient',
        },
      },
    ],
    context: {
      encounter: [reference('Encounter', encounter.id)],
      period: { start: dateTime(encounter.start), end: dateTime(encounter.end) },
    },
  };
}
