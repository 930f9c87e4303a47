import type { FhirVersion } from '../../fhir/fhir-versions.ts';
import { R4 } from './definitions/r4.ts';
import { R4B } from './definitions/r4b.ts';
import { R5 } from './definitions/r5.ts';
import type { Definitions } from './parse-definitions.ts';

/** What each FHIR version says of its elements. */
export const DEFINITIONS: Readonly<Record<FhirVersion, Definitions>> = { r4: R4, r4b: R4B, r5: R5 };
