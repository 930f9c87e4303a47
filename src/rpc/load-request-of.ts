import type { z } from 'zod';
import { ClientError } from '../errors/client-error.ts';
import { type LoadRequest, writeOptionsOfCall } from '../load/load-request.ts';
import type { loadParams } from './load-params.ts';
import type { ConversionDefaults } from './rpc-method.ts';
import { toSource } from './source-params.ts';

/**
 * The load that a call asks for, with the server's defaults filled in.
 * @throws ClientError where a default contradicts what the call says
 */
export function loadRequestOf(given: z.infer<typeof loadParams>, conversion: ConversionDefaults): LoadRequest {
  const { bucket, format = conversion.format } = given;
  for (const name of ['keep-last-updated?', 'resolve-references?'] as const) {
    if (format !== 'as-is' || !given[name]) continue;
    throw new ClientError('domain-error', `${name} needs format: fhir; LOADER_FORMAT of this server is as-is.`);
  }
  return {
    bucket,
    threadNum: given['thread-num'],
    source: toSource(given),
    write: writeOptionsOfCall({
      ...given,
      format,
      'fhir-version': given['fhir-version'] ?? conversion.fhirVersion,
      'convert-extensions': conversion.convertExtensions,
    }),
    scheduler: given.scheduler,
    prefixes: given.prefixes,
    maxErrors: given['max-errors'],
    reloadChanged: given['reload-changed?'],
  };
}
