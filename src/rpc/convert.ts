import { z } from 'zod';
import { ClientError } from '../errors/client-error.ts';
import { LineError } from '../errors/line-error.ts';
import { DIRECTIONS, LineConverter } from '../pipeline/convert-line.ts';
import { fhirVersionParam } from './convert-params.ts';
import { defineMethod } from './rpc-method.ts';

const params = z.strictObject({
  resource: z
    .looseObject({ resourceType: z.string(), id: z.string() })
    .describe('One resource, with its `resourceType` and `id`.'),
  to: z
    .enum(DIRECTIONS)
    .default('aidbox')
    .describe("`aidbox`: from FHIR JSON to Aidbox's storage format, as a load does. `fhir`: back."),
  'fhir-version': fhirVersionParam,
});

/** Shows what a load would store for a resource, or what a stored one is in FHIR. */
export const convert = defineMethod({
  name: 'fhir-bucket-loader/convert',
  description:
    'Converts one resource, as a load would, or back. Nothing is stored. The answer keeps `id` and `resourceType`, which a row ' +
    'has as columns. Numbers are shown as JavaScript reads them (`1.00` as `1`, `1e400` as `null`); a load keeps numbers as written, and the command line’s `convert` shows a file’s lines with them. Not in Aidbox.',
  params,
  async handle({ resource, to, 'fhir-version': fhirVersion }, { conversion }) {
    const converter = new LineConverter({ ...conversion, fhirVersion: fhirVersion ?? conversion.fhirVersion, to });
    try {
      const text = converter.convert(Buffer.from(JSON.stringify(resource)), 1, resource.resourceType);
      const converted: unknown = JSON.parse(text ?? 'null');
      return { resource: converted };
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      throw new ClientError('domain-error', error.message.replace(/^line 1, /, ''), { code: error.failure });
    }
  },
});
