import { paceOf } from '../load/watch/pace.ts';
import { changedCounts } from './changed-counts.ts';
import { describeStart } from './describe-start.ts';
import { loadRequestOf } from './load-request-of.ts';
import { recordedParams } from './recorded-params.ts';
import { defineMethod } from './rpc-method.ts';
import { takesAccount } from './source-params.ts';
import { storedParams, watchParams } from './watch-params.ts';

/** Lists a bucket at a pace, and loads what is new. The loader's own method; with Aidbox somebody has to call. */
export const watch = defineMethod({
  name: 'fhir-bucket-loader/watch',
  description:
    'Calls `aidbox.bulk/load-from-bucket` now, and then lists the bucket at a pace and loads what is new, on one replica at a time, until ' +
    '`fhir-bucket-loader/unwatch` or a cancel. A former watch of the bucket ends. Without `account` it survives restarts; credentials ' +
    'are never stored, so with one it ends with the process that was called. Not in Aidbox.',
  params: watchParams,
  async handle(given, { loader, conversion, caller, signal }) {
    const request = loadRequestOf(given, conversion);
    const { every } = given;
    const everyMs = paceOf(every) ?? 0;
    const hasCredentials = given.account !== undefined;
    const params = storedParams(given, request);
    const record = { caller, params: recordedParams(given) };
    const started = await loader.watch(request, { every, everyMs, params, hasCredentials }, { caller: signal, record });
    const how = takesAccount(given.bucket) ? ': it uses the credentials of the server.' : '.';
    const lifetime = hasCredentials
      ? 'Its credentials are in the memory of this process only: the watch ends with it.'
      : `It survives restarts${how}`;
    return {
      message: `${describeStart(request, started)} From now on the bucket is listed every ${every}. ${lifetime}`,
      progress: { total: started.totalFiles },
      'new-files-count': started.newFiles,
      ...changedCounts(request, started),
      'survives-restart?': !hasCredentials,
    };
  },
});
