/**
 * Writes src/pipeline/fhir-to-aidbox/definitions: which elements of FHIR are references, choices and primitives.
 *
 *   npm run definitions
 */
import { writeFileSync } from 'node:fs';
import { readFhirpath } from './read-fhirpath.ts';
import { readStructureDefinitions } from './read-structure-definitions.ts';
import { writeTable } from './write-table.ts';

const R4B_PACKAGE = '@iguhealth/hl7.fhir.r4b.core';

/** The files' texts by FHIR version. */
export function definitionFiles(): Record<'r4' | 'r4b' | 'r5', string> {
  return {
    r4: writeTable('r4', 'fhirpath/fhir-context/r4', readFhirpath('r4')),
    r4b: writeTable('r4b', R4B_PACKAGE, readStructureDefinitions(R4B_PACKAGE)),
    r5: writeTable('r5', 'fhirpath/fhir-context/r5', readFhirpath('r5')),
  };
}

if (import.meta.main) {
  for (const [version, text] of Object.entries(definitionFiles())) {
    writeFileSync(new URL(`../../src/pipeline/fhir-to-aidbox/definitions/${version}.ts`, import.meta.url), text);
  }
}
