import { z } from 'zod';
import type { LoadRequest } from '../load/load-request.ts';
import { paceOf } from '../load/watch/pace.ts';
import { loadParams } from './load-params.ts';
import { loadRequestOf } from './load-request-of.ts';
import { recordedParams } from './recorded-params.ts';
import type { ConversionDefaults } from './rpc-method.ts';

/** What a watch is told: all that a load is, and its pace. */
export const watchParams = loadParams
  .safeExtend({
    every: z
      .string()
      .refine((every) => paceOf(every) !== undefined, { error: 'must be a time such as 30s, 15m, 1h or 1d, up to 7d' })
      .describe('How often the bucket is listed: `30s`, `15m`, `1h`, `1d`, up to `7d`.'),
    'new-keys-last?': z
      .boolean()
      .default(false)
      .describe(
        "The bucket's keys are in the order of time: a new object's key comes after all earlier ones, within each prefix. A listing then " +
          'asks for what comes after the last key; once a day, after a change of replica, and after a listing that failed, for everything.',
      ),
  })
  .refine((given) => !(given['new-keys-last?'] && given['reload-changed?']), {
    path: ['new-keys-last?'],
    error: 'contradicts reload-changed?: a changed object keeps its key, which is not listed again',
  });

/**
 * The params of a watch as they are stored: all of them, without credentials, and with what the server would fill in, so that
 * another replica or a later start reads the same.
 */
export function storedParams(
  { account: _, ...given }: z.infer<typeof watchParams>,
  { write }: LoadRequest,
): Readonly<Record<string, unknown>> {
  return { ...given, format: write.format, 'fhir-version': write.fhirVersion };
}

/**
 * Reads stored params.
 * @throws where they are not those of a watch
 */
export function readWatchParams(params: Readonly<Record<string, unknown>>, conversion: ConversionDefaults) {
  const given = watchParams.parse(params);
  return {
    request: loadRequestOf(given, conversion),
    recorded: recordedParams(given),
    newKeysLast: given['new-keys-last?'],
  };
}
