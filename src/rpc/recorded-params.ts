import type { SourceParams } from './source-params.ts';

/** Prefixes that are kept of a call, which may have a thousand of a kilobyte each. */
const MOST_PREFIXES = 20;

/** What the record of a run keeps of a call's params: everything but the credentials. */
export function recordedParams({
  account,
  prefixes,
  ...params
}: SourceParams & { prefixes: readonly string[] }): Readonly<Record<string, unknown>> {
  const more = prefixes.length - MOST_PREFIXES;
  return {
    ...params,
    ...(account === undefined ? {} : { account: recordedAccount(account) }),
    ...(prefixes.length === 0 ? {} : { prefixes: prefixes.slice(0, MOST_PREFIXES) }),
    ...(more > 0 ? { 'more-prefixes': more } : {}),
  };
}

/** By name, so that a member that is added one day is left out until somebody has thought about it. */
function recordedAccount({ region, host, 'path-style?': pathStyle }: NonNullable<SourceParams['account']>): object {
  return {
    region,
    ...(host === undefined ? {} : { host }),
    ...(pathStyle === undefined ? {} : { 'path-style?': pathStyle }),
  };
}
