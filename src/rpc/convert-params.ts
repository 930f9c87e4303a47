import { z } from 'zod';
import { FHIR_VERSIONS } from '../fhir/fhir-versions.ts';

/** Which definitions tell what is a reference and what a choice. */
export const fhirVersionParam = z
  .enum(FHIR_VERSIONS)
  .optional()
  .describe('The FHIR version of the resources. Default: `FHIR_VERSION`, else `r4`. Not in Aidbox.');
