import { z } from 'zod';
import { Transforms } from '../pipeline/create-transform.ts';
import { fhirVersionParam } from './convert-params.ts';
import { defineMethod } from './rpc-method.ts';

const params = z.strictObject({
  types: z
    .array(z.string().regex(/^[A-Za-z][A-Za-z0-9_]*$/, { error: 'must be a resource type' }))
    .optional()
    .describe('Only references in resources of these types. Default: all.'),
  'fhir-version': fhirVersionParam,
});

/** Resolves conditional references of stored resources. */
export const resolve = defineMethod({
  name: 'fhir-bucket-loader/resolve',
  description:
    'Resolves conditional references that a load has stored as `uri`, such as `Practitioner?identifier=system|value`, to `resourceType` ' +
    'and `id`, by the identifiers of the resources in the database; `urn:uuid:…` by their ids. Answers when it is done; may be ' +
    'called again. Not in Aidbox.',
  params,
  async handle({ types, 'fhir-version': fhirVersion }, { loader, conversion, signal }) {
    const compiler = new Transforms().compiler({ ...conversion, fhirVersion: fhirVersion ?? conversion.fhirVersion });
    return await loader.resolve({ compiler, types }, signal);
  },
});
