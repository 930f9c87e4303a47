import { R4 } from './definitions/r4.ts';
import { R4B } from './definitions/r4b.ts';
import { R5 } from './definitions/r5.ts';
import type { Definitions } from './parse-definitions.ts';

/** The FHIR versions whose resources can be converted. */
export const FHIR_VERSIONS = ['r4', 'r4b', 'r5'] as const;

export type FhirVersion = (typeof FHIR_VERSIONS)[number];

export const DEFINITIONS: Readonly<Record<FhirVersion, Definitions>> = { r4: R4, r4b: R4B, r5: R5 };
