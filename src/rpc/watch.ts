import { capText } from '../errors/cap-text.ts';
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
    '`fhir-bucket-loader/unwatch` or a cancel. A former watch of the bucket ends, and the answer names the keys that are no longer watched. Without `account` it survives restarts; credentials ' +
    'are never stored, so with one it ends with the process that was called. Not in Aidbox.',
  params: watchParams,
  async handle(given, { loader, conversion, caller, signal }) {
    const request = loadRequestOf(given, conversion);
    const { every } = given;
    const everyMs = paceOf(every);
    if (everyMs === undefined) throw new RangeError(`watchParams let the pace ${every} pass`);
    const hasCredentials = given.account !== undefined;
    const params = storedParams(given, request);
    const record = { caller, params: recordedParams(given) };
    const started = await loader.watch(request, { every, everyMs, params, hasCredentials }, { caller: signal, record });
    const how = takesAccount(given.bucket) ? ': it uses the credentials of the server.' : '.';
    const lifetime = hasCredentials
      ? "Its credentials are only in the memory of the server's process that was called: the watch ends with it."
      : `It survives restarts${how}`;
    return {
      message: `${describeStart(request, started)} From now on the bucket is listed every ${every}. ${lifetime}${lostText(started.formerPrefixes, given.prefixes)}`,
      progress: { total: started.totalFiles },
      'new-files-count': started.newFiles,
      ...changedCounts(request, started),
      'survives-restart?': !hasCredentials,
    };
  },
});

/** That keys are no longer watched, which the bucket's former watch had; empty where there are none. */
function lostText(former: readonly string[] | undefined, prefixes: readonly string[]): string {
  if (former === undefined || prefixes.length === 0) return '';
  const lost = former.filter((prefix) => !prefixes.some((each) => prefix.startsWith(each)));
  if (former.length > 0 && lost.length === 0) return '';
  const keys = former.length === 0 ? 'keys with other prefixes' : `keys that begin with ${capText(lost.join(', '))}`;
  return ` No longer watched are ${keys}: a bucket has one watch, whose prefixes are all that it lists.`;
}
