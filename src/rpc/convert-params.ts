import { z } from 'zod';
import { FHIR_VERSIONS } from '../fhir/fhir-versions.ts';

/** The definitions that say which elements are references and which are choices. */
export const fhirVersionParam = z
  .enum(FHIR_VERSIONS)
  .optional()
  .describe('The FHIR version of the resources. Default: `FHIR_VERSION`, else `r4`. Not in Aidbox.');
